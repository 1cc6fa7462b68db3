// Times as people read them, in the browser's own language.
const clockFormat = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const dayFormat = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const dateFormat = new Intl.DateTimeFormat(undefined, {
	day: 'numeric',
	month: 'short',
	year: 'numeric'
});
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'long', timeStyle: 'short' });
const numberFormat = new Intl.NumberFormat();

const agoFormat = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

const startOfDayMs = (ms: number): number => new Date(ms).setHours(0, 0, 0, 0);

export const clock = (ms: number): string => clockFormat.format(ms);
export const fullTime = (ms: number): string => fullFormat.format(ms);
export const longDate = (ms: number): string => dateFormat.format(ms);
export const count = (value: number): string => numberFormat.format(value);

/** '1 change', '3 changes'. */
export const counted = (value: number, one: string, many = `${one}s`): string =>
	`${count(value)} ${value === 1 ? one : many}`;

/** The clock for today, the day for this year, else the date. */
export function when(ms: number, nowMs = Date.now()): string {
	if (startOfDayMs(ms) === startOfDayMs(nowMs)) return clock(ms);
	if (new Date(ms).getFullYear() === new Date(nowMs).getFullYear()) return dayFormat.format(ms);
	return dateFormat.format(ms);
}

/** 'just now', '5 minutes ago', '3 hours ago', 'yesterday'. */
export function ago(ms: number, nowMs = Date.now()): string {
	const minutes = Math.round((ms - nowMs) / 60_000);
	if (minutes > -1) return 'just now';
	if (minutes > -60) return agoFormat.format(minutes, 'minute');
	if (minutes > -1_440) return agoFormat.format(Math.round(minutes / 60), 'hour');
	return agoFormat.format(Math.round(minutes / 1_440), 'day');
}

/** 'about 2 minutes'; short times are not counted out. */
export function duration(seconds: number): string {
	if (seconds < 10) return 'a few seconds';
	if (seconds < 90) return `about ${Math.round(seconds / 5) * 5} seconds`;
	if (seconds < 5_400) return `about ${counted(Math.round(seconds / 60), 'minute')}`;
	return `about ${counted(Math.round(seconds / 3_600), 'hour')}`;
}

/** As it runs down: '3 minutes', '42 seconds'. */
export function wait(seconds: number): string {
	if (seconds >= 5_400) return counted(Math.ceil(seconds / 3_600), 'hour');
	if (seconds > 90) return counted(Math.ceil(seconds / 60), 'minute');
	return counted(seconds, 'second');
}

/** '12 kB', '3.4 MB'. */
export function fileBytes(bytes: number): string {
	if (bytes < 1_000) return `${bytes} B`;
	if (bytes < 1_000_000) return `${Math.round(bytes / 1_000)} kB`;
	if (bytes < 1_000_000_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
	return `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}
