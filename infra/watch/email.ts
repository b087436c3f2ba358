/**
 * Checks the address that notices and alarms are sent to.
 *
 * @throws {Error} it is no e-mail address
 */
export function checkEmail(email: string): string {
  if (/^[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;]+$/.test(email)) return email;
  throw new Error(`${JSON.stringify(email)} is not an e-mail address. Give one, such as me@example.org.`);
}

/**
 * Checks the account's budget.
 *
 * @param amount US dollars a month
 * @param email who is told: a budget that tells nobody is of no use
 * @throws {Error} it is no amount, or there is no address
 */
export function checkBudget(
  amount: number,
  email: string | undefined,
): { readonly amount: number; readonly email: string } {
  if (!(Number.isFinite(amount) && amount >= 1)) {
    throw new Error(`The budget is ${amount}. Give US dollars a month, at least 1, such as 20.`);
  }
  if (email === undefined) {
    throw new Error(`The budget of ${amount} USD has nobody to tell. Give an e-mail address with it.`);
  }
  return { amount, email };
}
