/**
 * Who may classify: holders of the API key (`key`), users and roles of AWS whose policies allow `execute-api:Invoke` and who
 * sign their requests (`iam`), or everybody who knows the address (`none`).
 */
export type Auth = (typeof auths)[number];

export const auths = ['key', 'iam', 'none'] as const;

export function isAuth(text: string): text is Auth {
  return auths.some((auth) => auth === text);
}
