import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { layersOf } from './layers.ts';

it('measures layers that an archive has plain or compressed, in the image’s order', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cifar10-layers-'));
  try {
    const zeros = Buffer.alloc(100_000);
    const noise = randomBytes(50_001);
    await writeFile(join(folder, 'base.tar'), noise);
    await writeFile(join(folder, 'top.tar'), gzipSync(zeros));
    await writeFile(join(folder, 'manifest.json'), JSON.stringify([{ Layers: ['base.tar', 'top.tar'] }]));
    execFileSync('tar', ['-cf', 'image.tar', 'top.tar', 'base.tar', 'manifest.json'], { cwd: folder });

    const [base, top] = await layersOf(join(folder, 'image.tar'));

    expect(base).toEqual({ unpacked: 50_001, compressed: gzipSync(noise).length });
    expect(top).toEqual({ unpacked: 100_000, compressed: gzipSync(zeros).length });
  } finally {
    await rm(folder, { recursive: true });
  }
});
