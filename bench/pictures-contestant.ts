/** Decodes a picture several times, in a process of its own, and prints what that took as JSON. */
import { readFileSync } from 'node:fs';
import { median } from '#environment/median.ts';
import { decodeImage } from '#images/decode-image.ts';
import type { Decoding } from './pictures.ts';

const [file, rounds] = process.argv.slice(2) as [string, string];
const bytes = new Uint8Array(readFileSync(file));
const peak = () => process.resourceUsage().maxRSS / 1024;
const before = peak();
const walls: number[] = [];
const cpus: number[] = [];
let pixels: Uint8Array = new Uint8Array(0);
for (let round = 0; round < Number(rounds); round++) {
  const [started, used] = [performance.now(), process.cpuUsage()];
  ({ pixels } = await decodeImage(bytes, { input: { width: 32, height: 32 } }));
  const { user, system } = process.cpuUsage(used);
  walls.push(performance.now() - started);
  cpus.push((user + system) / 1000);
}
const decoding: Decoding = {
  ...{ wall: median(walls), cpu: median(cpus), memory: peak() - before },
  pixels: Buffer.from(pixels).toString('base64'),
};
process.stdout.write(JSON.stringify(decoding));
