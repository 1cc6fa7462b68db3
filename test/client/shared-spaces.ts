// Spaces that people share, with somebody let in by an invitation.
import type { Space } from '../../client/api.ts';
import type { Invitation } from '../../client/api-sharing.ts';
import type { Role } from '../../protocol/commit.ts';
import { spaceNamed, synced, valueOf, type Device } from './edge.ts';

let spaces = 0;
/** A space of its own with one note in it. */
export async function newSpace(device: Device): Promise<Space> {
	const name = `Harbour ${String(++spaces)}`;
	const space = valueOf(await device.tacet.createSpace({ name }));
	await space.create({ title: 'Moorings', body: 'two lines at the bow' });
	await synced(space);
	return space;
}

export const invited = async (
	space: Space,
	role: Role
): Promise<Invitation & { readonly url: string }> => {
	const invitation = valueOf(await space.invite({ role, expiresInDays: 7 }));
	const { url } = invitation;
	if (url === null) throw new Error('an own invitation has no link');
	return { ...invitation, url };
};

/** Lets a device's account in, and answers with the space as that device sees it. */
export async function join(space: Space, device: Device, role: Role): Promise<Space> {
	const { invite, url } = await invited(space, role);
	valueOf(await device.tacet.acceptInvitation(url));
	valueOf(await space.admit(invite));
	await device.tacet.checkJoining();
	const joined = await spaceNamed(device, space.name);
	await synced(joined);
	return joined;
}
