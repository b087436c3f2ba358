import { expect, test } from 'vitest';
import { settingsPage, writtenSettings } from './settings-table.ts';

test('docs/settings.md describes the settings as they are now', () => {
  expect(writtenSettings(), 'run "npm run settings"').toBe(settingsPage());
});
