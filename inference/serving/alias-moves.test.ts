import { expect, test } from 'vitest';
import { moveAlias, readAlias } from '#models/aliases.ts';
import { withEndpoint } from '../app.fixture.ts';
import { watchAliasMoves } from './alias-moves.fixture.ts';

test('while the alias moves back and forth, every answer comes from a version that was current within one poll', () =>
  withEndpoint(
    async ({ url, store, promote }) => {
      await promote({ seed: 1 });
      const to = await promote({ seed: 2 }, 'candidate');
      const expected = await readAlias(store, 'production');
      await moveAlias(store, 'production', { to, by: 'a test', expected });
      const move = async () => {
        const expected = (await readAlias(store, 'production'))!;
        return (await moveAlias(store, 'production', { to: expected.previous!, by: 'a test', expected })).version;
      };
      const pause = () => 400 + 400 * Math.random();
      const { answers, lost, stale, last } = await watchAliasMoves({
        url,
        move,
        moves: 5,
        pause,
        poll: 2000,
        clients: 4,
      });
      expect(lost).toEqual([]);
      expect(stale).toEqual([]);
      expect(new Set(last)).toEqual(new Set([(await readAlias(store, 'production'))!.version]));
      expect(answers).toBeGreaterThan(100);
    },
    { following: { times: { refreshAfter: 300, staleAfter: 1000, maxWait: 20_000 } } },
  ));
