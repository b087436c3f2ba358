/**
 * How requests go over to new code: `canary` a tenth of them for five minutes, `linear` a tenth more each minute, `all-at-once`
 * without CodeDeploy.
 */
export const shifts = ['canary', 'linear', 'all-at-once'] as const;

export type Shift = (typeof shifts)[number];
