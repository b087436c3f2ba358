import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { cachedFolder } from '#setup/cache.mjs';
import packages from '../package.json' with { type: 'json' };

/**
 * Starts Chromium, without a window: the one of this machine (`CHROMIUM` names another), else the one that comes as an npm
 * package, for Linux on x64.
 *
 * @returns `undefined` where there is neither
 */
export async function startChromium(): Promise<Browser | undefined> {
  const program = await findChromium();
  if (!program) return undefined;
  return chromium.launch({
    ...program,
    // Containers have no user namespaces for the sandbox, and little shared memory. Only our own page is ever opened.
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

/** The package brings one font, and looks for it where Lambda would have it; without any font a page ends Chromium. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;

/** The package unpacks 180 MB, and the system libraries that it needs, to the temporary folder: here once, for all clones. */
function unpackedChromium(): Promise<string> {
  const version = packages.devDependencies['@sparticuz/chromium'];
  const fonts = createHash('sha256').update(FONTS).digest('hex').slice(0, 16);
  return cachedFolder(`chromium-${version}-${fonts}`, async (folder) => {
    const before = { ...process.env };
    // It unpacks its libraries only where it takes itself to be in Lambda, and that is decided as it is loaded.
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
