/** An object has one alarm: it is moved only to ring earlier, as each one set is a row written. */
export async function ringBy(storage: DurableObjectStorage, timeMs: number): Promise<void> {
	const alarmMs = await storage.getAlarm();
	if (alarmMs === null || timeMs < alarmMs) await storage.setAlarm(timeMs);
}
