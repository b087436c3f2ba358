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
 * @param budget US dollars a month
 * @param email who is told: a budget is of no use to nobody
 * @throws {Error} it is no amount, or there is no address
 */
export function checkBudget(budget: number, email: string | undefined): number {
  if (!(Number.isFinite(budget) && budget >= 1)) {
    throw new Error(`The budget is ${budget}. Give US dollars a month, at least 1, such as 20.`);
  }
  if (email === undefined) {
    throw new Error(`The budget of ${budget} USD has nobody to tell. Give an e-mail address with it.`);
  }
  return budget;
}
