import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The libraries that TensorFlow 2.21 opens before it uses a GPU; it uses none if it cannot open one of them. */
export const openedByTensorFlow = [
  'libcudart.so.12',
  'libcublas.so.12',
  'libcublasLt.so.12',
  'libcufft.so.11',
  'libcusolver.so.11',
  'libcusparse.so.12',
  'libcudnn.so.9',
];

/** Search path of libtensorflow_framework in the wheel, each folder once. */
const frameworkPath = ['nccl', 'cuda_cupti', 'cublas', 'cudnn', 'cufft', 'cusparse', 'cuda_runtime', 'nvshmem']
  .flatMap((name) => [`$ORIGIN/../../nvidia/${name}/lib`, `$ORIGIN/../nvidia/${name}/lib`])
  .join(':');

/** What the wheels hold: each library with those that it is linked to, and with its search path. */
const libraries: Readonly<Record<string, readonly [linked: readonly string[], searched: string]>> = {
  'nvidia/cuda_runtime/lib/libcudart.so.12': [[], ''],
  'nvidia/nvjitlink/lib/libnvJitLink.so.12': [[], ''],
  'nvidia/cublas/lib/libcublasLt.so.12': [[], '$ORIGIN'],
  'nvidia/cublas/lib/libcublas.so.12': [['libcublasLt.so.12'], '$ORIGIN'],
  'nvidia/cufft/lib/libcufft.so.11': [[], '$ORIGIN/../../nvjitlink/lib:$ORIGIN'],
  'nvidia/cusparse/lib/libcusparse.so.12': [['libnvJitLink.so.12'], '$ORIGIN/../../nvjitlink/lib:$ORIGIN'],
  'nvidia/cusolver/lib/libcusolver.so.11': [
    ['libnvJitLink.so.12', 'libcusparse.so.12', 'libcublas.so.12', 'libcublasLt.so.12'],
    '$ORIGIN:$ORIGIN/../../cublas/lib:$ORIGIN/../../nvjitlink/lib:$ORIGIN/../../cusparse/lib',
  ],
  'nvidia/cudnn/lib/libcudnn.so.9': [[], '$ORIGIN'],
  'nvidia/cudnn/lib/libcudnn_graph.so.9': [[], '$ORIGIN:$ORIGIN/../../cublas/lib:$ORIGIN/../../cuda_nvrtc/lib'],
  'nvidia/cuda_nvrtc/lib/libnvrtc.so.12': [[], '$ORIGIN:'],
};

/** Empty libraries with the names, places, needs and search paths of those in the wheels. @returns their content by name */
export async function emptyLibraries(compiler: string, folder: string): Promise<Record<string, Uint8Array>> {
  const built = new Map<string, string>();
  const content: Record<string, Uint8Array> = {};
  const compile = async (name: string, source: string, linked: readonly string[], searched: string) => {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(`${file}.c`, source);
    await run(compiler, [
      ...['-shared', '-fPIC', '-o', file, `${file}.c`, `-Wl,-soname,${path.basename(name)}`, '-Wl,--no-as-needed'],
      ...linked.map((each) => built.get(each)!),
      ...(searched ? ['-Wl,--enable-new-dtags', `-Wl,-rpath,${searched}`] : []),
      ...['-Wl,--allow-shlib-undefined', '-ldl'],
    ]);
    built.set(path.basename(name), file);
    content[name] = await readFile(file);
  };
  for (const [name, [linked, searched]] of Object.entries(libraries)) await compile(name, '', linked, searched);
  await compile(
    'tensorflow/libtensorflow_framework.so.2',
    `#include <dlfcn.h>
const char *problem_with(const char *name) { return dlopen(name, RTLD_NOW | RTLD_LOCAL) ? "" : dlerror(); }`,
    [],
    frameworkPath,
  );
  await compile('tensorflow/libtensorflow_cc.so.2', '', ['libtensorflow_framework.so.2'], '$ORIGIN');
  return content;
}

/** Has the framework library open others by name, in a process of its own. @returns what went wrong, by name */
export async function problemsOf(
  compiler: string,
  framework: string,
  names: readonly string[],
): Promise<Record<string, string>> {
  const program = path.join(path.dirname(framework), 'open-libraries');
  await writeFile(
    `${program}.c`,
    `#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **words) {
  const char *(*problem_with)(const char *) = dlsym(dlopen(words[1], RTLD_NOW), "problem_with");
  for (int at = 2; at < count; at++) printf("%s\\t%s\\n", words[at], problem_with(words[at]));
}`,
  );
  await run(compiler, ['-o', program, `${program}.c`, '-ldl']);
  const { stdout } = await run(program, [framework, ...names], { env: {} });
  const lines = stdout.trimEnd().split('\n');
  return Object.fromEntries(lines.map((line) => line.split('\t') as [string, string]).filter(([, problem]) => problem));
}
