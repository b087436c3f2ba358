import { parse } from 'csv-parse/sync';
import * as z from 'zod/mini';
import { UserError } from '#errors/user-error.ts';

/** What a service charges for a kind of use, from a quantity on. */
interface ListPrice {
  /** AWS's name of the use without its region, such as `BoxUsage:c7a.large`. */
  readonly usage: string;
  readonly from: number;
  readonly dollars: number;
}

/** The prices that are wanted of a service's list. */
export interface PriceList {
  /** The day on which AWS published it, as `2026-01-19`. */
  readonly publishedOn: string;
  /** Dollars a unit, by use. What the list lacks is left out. */
  readonly prices: ReadonlyMap<string, number>;
}

/** The file is not a price list of AWS's as it is documented, or of another region or currency. */
class InvalidPriceList extends UserError {
  override readonly name = 'InvalidPriceList';
}

const Metadata = z.object({
  FormatVersion: z.literal('v1.0'),
  'Publication Date': z.iso.datetime(),
  OfferCode: z.string(),
});

/** The columns that are read; a list has up to a hundred. */
const Row = z.object({
  TermType: z.string(),
  StartingRange: z.coerce.number(),
  PricePerUnit: z.coerce.number().check(z.nonnegative()),
  Currency: z.string(),
  usageType: z.string(),
  operation: z.string(),
  'Region Code': z.string(),
});

/** Lines of metadata before the names of the columns. */
const METADATA_LINES = 5;
/** A usage type of a region that is not the first one has its name before it, such as `EU-`, `USE1-` or `APN1-`. */
const REGION = /^[A-Z]{2,4}\d?-/;

/**
 * Reads a price list file in CSV, line by line: that of EC2 has hundreds of megabytes for a region, of which JSON would make a string
 * that is longer than a program may have. Of several tiers it takes the first that is not free,
 * and of two prices for the same the higher one.
 *
 * @param uses what is wanted, as usage types without the region
 * @throws {InvalidPriceList} it has another form, region or currency
 * @see https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html
 */
export async function readPriceList(
  lines: AsyncIterable<string>,
  { service, region, uses }: { readonly service: string; readonly region: string; readonly uses: ReadonlySet<string> },
): Promise<PriceList> {
  const head: string[][] = [];
  let columns: string[] | undefined;
  const tiers = new Map<string, { readonly from: number; readonly dollars: number }>();
  for await (const line of lines) {
    if (head.length < METADATA_LINES) {
      head.push(fieldsOf(line, service));
      continue;
    }
    if (columns === undefined) {
      columns = fieldsOf(line, service);
      continue;
    }
    // Most rows are of reserved instances, and parsing them would take minutes.
    if (!line.includes('"OnDemand"') || !mentions(line, uses)) continue;
    const price = read(fieldsOf(line, service), columns, { service, region });
    if (price === undefined || !uses.has(price.usage) || price.dollars === 0) continue;
    const { usage, from, dollars } = price;
    const known = tiers.get(usage);
    const isFirst = known === undefined || from < known.from || (from === known.from && dollars > known.dollars);
    if (isFirst) tiers.set(usage, { from, dollars });
  }
  const { 'Publication Date': published, OfferCode } = checked(Metadata, Object.fromEntries(head), service);
  if (OfferCode !== service) throw new InvalidPriceList(`The price list is of ${OfferCode}, not of ${service}.`);
  if (columns === undefined) throw new InvalidPriceList(`The price list of ${service} has no columns.`);
  return {
    publishedOn: published.slice(0, 'yyyy-mm-dd'.length),
    prices: new Map([...tiers].map(([usage, { dollars }]) => [usage, dollars])),
  };
}

/** Whether a line may have one of these usage types, before its fields are told apart. */
function mentions(line: string, uses: ReadonlySet<string>): boolean {
  for (const use of uses) if (line.includes(`${use}"`)) return true;
  return false;
}

/** @returns `undefined` for a row of another term, or of an instance with Windows or other software */
function read(
  fields: readonly string[],
  columns: readonly string[],
  { service, region }: { readonly service: string; readonly region: string },
): ListPrice | undefined {
  const found = Object.fromEntries(columns.map((column, index) => [column, fields[index] ?? '']));
  const row = checked(Row, found, service);
  const usage = row.usageType.replace(REGION, '');
  // Those instances have operations of their own, such as RunInstances:0002.
  if (row.TermType !== 'OnDemand' || /^RunInstances:/.test(row.operation)) return undefined;
  if (row['Region Code'] !== region && row['Region Code'] !== '') {
    throw new InvalidPriceList(`The price list of ${service} is of ${row['Region Code']}, not of ${region}.`);
  }
  if (row.Currency !== 'USD')
    throw new InvalidPriceList(`The price list of ${service} is in ${row.Currency}, not USD.`);
  return { usage, from: row.StartingRange, dollars: row.PricePerUnit };
}

function fieldsOf(line: string, service: string): string[] {
  try {
    return parse(line, { relax_column_count: true })[0] ?? [];
  } catch (error) {
    throw new InvalidPriceList(`The price list of ${service} has a line that is no CSV: ${line.slice(0, 80)}`, {
      cause: error,
    });
  }
}

function checked<Value>(schema: z.ZodMiniType<Value>, value: unknown, service: string): Value {
  const found = schema.safeParse(value);
  if (found.success) return found.data;
  throw new InvalidPriceList(`The price list of ${service} has another form: ${z.prettifyError(found.error)}`);
}
