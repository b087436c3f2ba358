import { afterEach, describe, expect, test, vi } from 'vitest';
import { installedAddon } from '../engine/tensorflow.ts';
import { trainingProcess } from '../run/training-process.fixture.ts';
import { prepareDevice } from './train-device.ts';

const { signal } = new AbortController();
afterEach(() => void vi.unstubAllEnvs());

/** The real program. The store is nowhere, and would be refused after the device. */
const withDevice = (device: string) =>
  trainingProcess(['train', 'tiny', '--out', '/dev/null/store'], { environment: { CIFAR10_DEVICE: device } });

describe.skipIf(installedAddon()?.hasCuda)('where there is no GPU', { timeout: 60_000 }, () => {
  test('CIFAR10_DEVICE=gpu ends the program at once, with the reason', async () => {
    const began = performance.now();
    const { code, events, errors } = await withDevice('gpu');
    expect(code).toBe(1);
    expect(events).toEqual([]);
    expect(errors).toMatch(/^error: CIFAR10_DEVICE is gpu, but TensorFlow sees no GPU: .*training\/Dockerfile/);
    expect(performance.now() - began).toBeLessThan(60_000);
  });

  test('another value is a bad argument', async () => {
    expect(await withDevice('tpu')).toMatchObject({
      code: 2,
      errors: 'error: CIFAR10_DEVICE is "tpu": it takes gpu or cpu.\n',
    });
  });

  test('CIFAR10_DEVICE=cpu continues, to the store', async () => {
    const { errors } = await withDevice('cpu');
    expect(errors).toContain('/dev/null/store');
  });
});

test('CIFAR10_DEVICE=cpu hides the GPU, and no variable leaves it as it is', async () => {
  vi.stubEnv('CUDA_VISIBLE_DEVICES', '0');
  vi.stubEnv('CIFAR10_DEVICE', undefined);
  await prepareDevice(signal);
  expect(process.env.CUDA_VISIBLE_DEVICES).toBe('0');
  vi.stubEnv('CIFAR10_DEVICE', 'cpu');
  await prepareDevice(signal);
  expect(process.env.CUDA_VISIBLE_DEVICES).toBe('-1');
});
