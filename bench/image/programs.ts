import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '#errors/user-error.ts';
import { isUnreachable } from '#setup/failure.mjs';
import { ProgramFailed, run } from '#setup/processes.mjs';

/** A program that builds and runs container images. */
export interface ContainerProgram {
  readonly name: 'docker' | 'buildah';
  /** @throws {UserError} the build fails */
  build(dockerfile: string, tag: string): Promise<void>;
  /** Writes the image as an archive, with `manifest.json` and a tar file for each layer. @returns the file */
  save(tag: string, file: string): Promise<string>;
  /** Runs the image's program; `endedAfter` seconds it gets SIGTERM. */
  run(
    tag: string,
    words: readonly string[],
    endedAfter?: number,
  ): Promise<{ readonly code: number; readonly said: string }>;
  /** Gives `work` a folder with the files of the image's program. */
  withFiles<Value>(tag: string, folder: string, work: (app: string) => Promise<Value>): Promise<Value>;
}

const program = ['node', 'main.mjs'];

/** @throws {UserError} there is none that runs */
export async function findContainerProgram(): Promise<ContainerProgram> {
  if (await succeeds('docker', ['info'])) return docker;
  if (await succeeds('buildah', ['images'])) return buildah;
  throw new UserError(
    'Neither Docker nor Buildah runs here. Start Docker, or install Buildah (`apt-get install buildah`).',
  );
}

const docker: ContainerProgram = {
  name: 'docker',
  build: (dockerfile, tag) =>
    build('docker', ['build', '--platform=linux/amd64', `--file=${dockerfile}`, `--tag=${tag}`, '.']),
  async save(tag, file) {
    await run('docker', ['save', `--output=${file}`, tag]);
    return file;
  },
  run: (tag, words, endedAfter) =>
    endOf('docker', [
      'run',
      '--rm',
      ...(endedAfter ? ['--entrypoint=timeout'] : []),
      tag,
      ...withLimit(words, endedAfter),
    ]),
  async withFiles(tag, folder, work) {
    const container = (await run('docker', ['create', '--platform=linux/amd64', tag])).trim();
    try {
      await mkdir(folder);
      await run('docker', ['cp', `${container}:/app`, folder]);
      return await work(join(folder, 'app'));
    } finally {
      await run('docker', ['rm', container]);
    }
  },
};

/** Without a daemon. `BUILDAH_ISOLATION=chroot` makes it work in a container, too. */
const buildah: ContainerProgram = {
  name: 'buildah',
  build: (dockerfile, tag) =>
    build('buildah', [
      'build',
      '--layers',
      '--pull=false',
      '--network=host',
      `--file=${dockerfile}`,
      `--tag=${tag}`,
      '.',
    ]),
  async save(tag, file) {
    await run('buildah', ['push', tag, `docker-archive:${file}:${tag}`]);
    return file;
  },
  run: (tag, words, endedAfter) =>
    inBuildah(tag, (container) => {
      const command = endedAfter ? ['timeout', ...withLimit(words, endedAfter)] : [...program, ...words];
      return endOf('buildah', ['run', container, '--', ...command]);
    }),
  withFiles: (tag, _, work) =>
    inBuildah(tag, async (container) => {
      const root = (await run('buildah', ['mount', container])).trim();
      try {
        return await work(join(root, 'app'));
      } finally {
        await run('buildah', ['umount', container]);
      }
    }),
};

async function inBuildah<Value>(tag: string, work: (container: string) => Promise<Value>): Promise<Value> {
  const container = (await run('buildah', ['from', '--pull-never', tag])).trim();
  try {
    return await work(container);
  } finally {
    await run('buildah', ['rm', container]);
  }
}

/** Arguments of `timeout`, which gives the program's own exit code. */
function withLimit(words: readonly string[], endedAfter: number | undefined): readonly string[] {
  return endedAfter ? ['--preserve-status', '--signal=TERM', String(endedAfter), ...program, ...words] : words;
}

async function build(name: string, args: string[]): Promise<void> {
  try {
    await run(name, args);
  } catch (error) {
    if (!(error instanceof ProgramFailed)) throw error;
    if (isUnreachable(error) || /pull|registry|manifest unknown/i.test(error.message)) {
      throw new UserError(
        `The base image cannot be pulled: ${error.message} Put the images that the Dockerfile names under docker.io/library/ into ` +
          `the store of ${name}, or run this where a registry is reached.`,
      );
    }
    throw new UserError(
      `The image cannot be built: ${error.message}\n${error.output.split('\n').slice(-20).join('\n')}`,
    );
  }
}

async function endOf(name: string, args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  return await new Promise((resolve, reject) => {
    const child = spawn(name, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.once('error', reject).once('close', (code) => resolve({ code: code ?? -1, said: said.trim() }));
  });
}

async function succeeds(name: string, args: readonly string[]): Promise<boolean> {
  return await run(name, args).then(
    () => true,
    () => false,
  );
}
