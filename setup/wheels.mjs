/**
 * The Python wheels with native TensorFlow's libraries, pinned by sha256. No Python runs them: only wheels contain current
 * builds of the shared libraries for every platform.
 */

/**
 * @typedef {object} Wheel
 * @property {string} project name in the index
 * @property {string} version
 * @property {string} file
 * @property {string} sha256
 * @property {number} size bytes
 */

export const TENSORFLOW_VERSION = '2.21.0';

/**
 * The wheels for Python 3.11; those for other versions have the same libraries.
 *
 * @type {Readonly<Record<string, Wheel>>} by `process.platform` and `process.arch`
 */
const TENSORFLOW = {
  'linux-x64': wheel(
    'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
    '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    273_829_956,
  ),
  'linux-arm64': wheel(
    'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_aarch64.whl',
    '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
    281_828_020,
  ),
  'darwin-arm64': wheel(
    'tensorflow-2.21.0-cp311-cp311-macosx_12_0_arm64.whl',
    '51f46f4806139d01fc7920cc72a4c75876f80649bf40ff083ab6212ceb43ca88',
    223_405_849,
  ),
};

/**
 * TensorFlow for CUDA 12 and the libraries that it cannot do without, each in the newest version it allowed in March 2026. Left out
 * are NCCL (several GPUs), CUPTI (profiles) and cuRAND: see docs/decisions/cuda-libraries.md.
 */
const TENSORFLOW_GPU = [
  wheel(
    'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
    '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
    572_440_367,
  ),
  wheel(
    'nvidia_cublas_cu12-12.9.1.4-py3-none-manylinux_2_27_x86_64.whl',
    '453611eb21a7c1f2c2156ed9f3a45b691deda0440ec550860290dc901af5b4c2',
    581_242_350,
  ),
  wheel(
    'nvidia_cuda_nvcc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
    '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
    40_546_229,
  ),
  wheel(
    'nvidia_cuda_nvrtc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
    '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
    89_568_129,
  ),
  wheel(
    'nvidia_cuda_runtime_cu12-12.9.79-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
    3_493_179,
  ),
  wheel(
    'nvidia_cudnn_cu12-9.20.0.48-py3-none-manylinux_2_27_x86_64.whl',
    '7d7479e1321c7a039b33827f0247791ee1be091759032c1f66a287c4a643396a',
    657_910_570,
  ),
  wheel(
    'nvidia_cufft_cu12-11.4.1.4-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
    200_877_592,
  ),
  wheel(
    'nvidia_cusolver_cu12-11.7.5.82-py3-none-manylinux_2_27_x86_64.whl',
    '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
    338_117_415,
  ),
  wheel(
    'nvidia_cusparse_cu12-12.5.10.65-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
    366_465_088,
  ),
  wheel(
    'nvidia_nvjitlink_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
    'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
    39_748_338,
  ),
];

/**
 * @param {{ gpu: boolean, platform?: string }} options
 * @returns {readonly Wheel[] | undefined} `undefined` if TensorFlow publishes no libraries for the platform
 */
export function tensorflowWheels({ gpu, platform = `${process.platform}-${process.arch}` }) {
  if (gpu) return platform === 'linux-x64' ? TENSORFLOW_GPU : undefined;
  const single = TENSORFLOW[platform];
  return single === undefined ? undefined : [single];
}

/**
 * A wheel's file name contains its project, version and platforms.
 *
 * @param {string} file
 * @param {string} sha256
 * @param {number} size
 * @returns {Wheel}
 */
function wheel(file, sha256, size) {
  const [project = '', version = ''] = file.split('-');
  return { project: project.replaceAll('_', '-'), version, file, sha256, size };
}

/**
 * @param {Wheel} wheel
 * @returns {string[]} its platforms, by pip's names
 */
export function platformsOf({ file }) {
  return (
    file
      .replace(/\.whl$/, '')
      .split('-')
      .at(-1) ?? ''
  ).split('.');
}
