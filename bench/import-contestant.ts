/** Opens the pictures of a folder in a process of its own, to check or to train on them, and prints what that took as JSON. */
import { inspectPictures } from '#training/datasets/pictures/inspect-pictures.ts';
import { loadPictures } from '#training/datasets/pictures/load-pictures.ts';
import type { Opening } from './import.ts';

const [place, what] = process.argv.slice(2) as [string, 'check' | 'load'];
const started = performance.now();
await (what === 'load' ? loadPictures(place) : inspectPictures(place, {}));
const { user, system } = process.cpuUsage();
const opening: Opening = {
  seconds: (performance.now() - started) / 1000,
  cpuSeconds: (user + system) / 1e6,
  peakMemory: process.resourceUsage().maxRSS * 1024,
};
process.stdout.write(JSON.stringify(opening));
