import prices from './prices.json' with { type: 'json' };

type Prices = typeof prices;

/** A group of prices: what they are for, where they are from, and of when. */
export interface PriceSource {
  readonly group: string;
  /** The page, and which of its prices. */
  readonly source: string;
  /** A day or a month, such as `2026-01-19` or `2025-09`. */
  readonly asOf: string;
}

/** Days after which prices are too old to be relied on. */
const STALE_DAYS = 365;

/** The sources of all prices, the oldest first. */
export function priceSources({ region: _, note: __, ...groups }: Prices): PriceSource[] {
  return Object.entries(groups)
    .map(([group, { source, asOf }]) => ({ group, source, asOf }))
    .sort((one, other) => one.asOf.localeCompare(other.asOf));
}

/** What to be warned of: prices that are older than a year. @returns `undefined` where none is */
export function priceWarning(of: Prices, now = Date.now()): string | undefined {
  const old = priceSources(of).filter(({ asOf }) => now - Date.parse(asOf) > STALE_DAYS * 86_400_000);
  if (old.length === 0) return undefined;
  const [{ asOf = '' } = {}] = old;
  return `Prices of ${old.map(({ group }) => group).join(', ')} are older than a year, the oldest of ${asOf}. Read them anew: npm run prices`;
}

/** Such as ` at prices of us-east-1`, where the stack is in another region than the prices; else nothing. */
export function atPricesOf({ region }: { readonly region: string }): string {
  return region === prices.region ? '' : ` at prices of ${prices.region}`;
}
