// One version, one suite; nothing is negotiated. A client that speaks another version is told
// `version_too_old` and changes nothing.
//
// 1  2026-11  first formats

export const protocolVersion = 1;
/** Offered in Sec-WebSocket-Protocol, and echoed when the socket is accepted. */
export const socketProtocol = 'tacet.1';
