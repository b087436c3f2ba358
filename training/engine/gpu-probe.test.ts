import { describe, expect, test } from 'vitest';
import { probeGpu, readProbe } from './gpu-probe.ts';
import { installedAddon } from './tensorflow.ts';
import { driverIn, type GpuFacts, whyNoGpu } from './why-no-gpu.ts';

const addon = installedAddon();
const nowhere: GpuFacts = { driver: undefined, smi: undefined, instance: undefined };

/** What TensorFlow 2.21 for CUDA printed, in set-up's folder and in others that were broken on purpose. */
const withoutDriver = `
I0000 00:00:1795858603.377511   21339 dso_loader.cc:144] Could not load dynamic library 'libcuda.so.1'; dlerror: libcuda.so.1: cannot open shared object file: No such file or directory
E0000 00:00:1795858603.377565   21339 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)
I0000 00:00:1795858603.377598   21339 cuda_diagnostics.cc:145] kernel driver does not appear to be running on this host (vm): /proc/driver/nvidia/version does not exist`;
const withoutSolver = `
I0000 00:00:1795858237.169602   17665 dso_loader.cc:133] Successfully opened dynamic library libcudart.so.12
I0000 00:00:1795858237.372115   17665 dso_loader.cc:133] Successfully opened dynamic library libcufft.so.11
I0000 00:00:1795858237.384606   17665 dso_loader.cc:144] Could not load dynamic library 'libcusolver.so.11'; dlerror: libcusolver.so.11: cannot open shared object file: No such file or directory; LD_LIBRARY_PATH: /usr/lib
W0000 00:00:1795858237.396446   17665 gpu_device.cc:2365] Cannot dlopen some GPU libraries. Please make sure the missing libraries mentioned above are installed properly
Skipping registering GPU devices...`;
const withoutDevice = `
E0000 00:00:1795858606.759786   21382 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected`;
const aborted = `
I0000 00:00:1795858237.169602   17665 dso_loader.cc:133] Successfully opened dynamic library libcudart.so.12
terminate called after throwing an instance of 'absl::lts_20250814::BadStatusOrAccess'
  what():  Bad StatusOr access: INTERNAL: CUDA Runtime error: cudaErrorCallRequiresNewerDriver`;

test('reads what TensorFlow prints as it looks for a GPU', () => {
  expect(readProbe('CPU\n', withoutSolver)).toEqual({
    device: 'CPU',
    opened: ['libcudart.so.12', 'libcufft.so.11'],
    missing: [{ name: 'libcusolver.so.11', reason: 'cannot open shared object file: No such file or directory' }],
    complaints: [expect.stringMatching(/^Cannot dlopen some GPU libraries/)],
  });
  expect(readProbe('', aborted)).toMatchObject({
    device: undefined,
    complaints: [expect.stringMatching(/^Bad Status/)],
  });
});

test.each([
  ['no driver', withoutDriver, nowhere, /^there is no NVIDIA driver: libcuda\.so\.1 .* kernel runs none.* with a GPU/],
  [
    'the driver only on the host',
    withoutDriver,
    { driver: '550.54' },
    /550\.54, but libcuda\.so\.1 is not in this container/,
  ],
  [
    'an old driver',
    aborted,
    { driver: '470.57.02' },
    /470\.57\.02 is too old: CUDA 12 takes 525 or newer.*NewerDriver/,
  ],
  [
    'a library',
    withoutSolver,
    { driver: '550.54' },
    /cannot open libcusolver\.so\.11 \(cannot open shared object file/,
  ],
  ['no device', withoutDevice, { driver: '550.54' }, /TensorFlow says: .*CUDA_ERROR_NO_DEVICE: no CUDA-capable device/],
  [
    'an abort',
    aborted,
    { driver: '550.54' },
    /ended by SIGABRT after it had opened libcudart\.so\.12\. TensorFlow says: Bad/,
  ],
])('says why there is no GPU: %s', (_what, stderr, facts, expected) => {
  const endedBy = stderr === aborted ? 'SIGABRT' : undefined;
  expect(whyNoGpu({ ...readProbe('CPU', stderr), endedBy }, { ...nowhere, ...facts })).toMatch(expected);
});

test.each([
  ['NVRM version: NVIDIA UNIX x86_64 Kernel Module  370.28  Thu Sep  1 19:45:04 PDT 2016', '370.28'],
  ['NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.133.20  Release Build', '570.133.20'],
  ['', undefined],
])('finds the version of the driver: %s', (text, version) => {
  expect(driverIn(text)).toBe(version);
});

describe.skipIf(addon === undefined)('TensorFlow in a process of its own', { timeout: 60_000 }, () => {
  test('says what it computes on', async () => {
    expect(await probeGpu(addon!.file)).toMatchObject({
      device: expect.stringMatching(/^[CG]PU$/),
      endedBy: undefined,
    });
  });

  test('ends after a time limit, or by a signal', async () => {
    expect(await probeGpu(addon!.file, { limitSeconds: 0.001 })).toMatchObject({
      device: undefined,
      endedBy: 'timeout',
    });
    await expect(probeGpu(addon!.file, { signal: AbortSignal.abort('SIGTERM') })).rejects.toBe('SIGTERM');
  });
});
