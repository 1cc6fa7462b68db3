// Random schedules over the real engine and the real Space object, in one process and in a time of
// their own: the odd seeds.
import { testSeeds } from './space-seeds.ts';

testSeeds(1);
