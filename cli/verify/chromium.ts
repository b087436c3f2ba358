import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { cachedFolder } from '#setup/cache.mjs';
import packages from '../../package.json' with { type: 'json' };

/**
 * Starts headless Chromium: the installed one (or the one that `CHROMIUM` names), else the one of an npm package, on Linux
 * x64 only.
 *
 * @returns `undefined` if there is neither
 */
export async function startChromium(): Promise<Browser | undefined> {
  const { chromium } = await import('playwright-core');
  const program = await findChromium();
  if (!program) return undefined;
  return chromium.launch({
    ...program,
    // Containers have no user namespaces for the sandbox, and little shared memory. Only our own page is opened.
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
    ],
  });
}

interface Program {
  readonly executablePath: string;
  readonly env?: Record<string, string>;
}

async function findChromium(): Promise<Program | undefined> {
  const installed = [process.env.CHROMIUM, ...candidates()].find((each) => each !== undefined && existsSync(each));
  if (installed) return { executablePath: installed };
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const folder = await unpackedChromium();
  return {
    executablePath: path.join(folder, 'chromium'),
    env: {
      ...(process.env as Record<string, string>),
      LD_LIBRARY_PATH: [path.join(folder, 'al2023', 'lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
      FONTCONFIG_PATH: path.join(folder, 'fonts'),
    },
  };
}

function candidates(): string[] {
  if (process.platform === 'darwin') {
    return ['Google Chrome', 'Chromium', 'Microsoft Edge'].map(
      (name) => `/Applications/${name}.app/Contents/MacOS/${name}`,
    );
  }
  const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'microsoft-edge'];
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(path.isAbsolute);
  return names.flatMap((name) => folders.map((folder) => path.join(folder, name)));
}

/** The package has one font, but looks for it where Lambda would have it; without a font Chromium crashes. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;

/** Unpacks the package's 180 MB and system libraries into the cache, once for all clones. */
function unpackedChromium(): Promise<string> {
  const version = packages.devDependencies['@sparticuz/chromium'];
  const fonts = createHash('sha256').update(FONTS).digest('hex').slice(0, 16);
  return cachedFolder(`chromium-${version}-${fonts}`, async (folder) => {
    const before = { ...process.env };
    // It unpacks its libraries only in Lambda, which it detects when it is loaded.
    Object.assign(process.env, { TMPDIR: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x' });
    try {
      const { default: unpacker } = await import('@sparticuz/chromium');
      await unpacker.executablePath();
      await writeFile(path.join(folder, 'fonts', 'fonts.conf'), FONTS);
    } finally {
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
      Object.assign(process.env, before);
    }
  });
}
