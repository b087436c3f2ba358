import { join } from 'node:path';
import { UserError } from '#errors/user-error.ts';
import type { FormatOptions, PictureAnswer } from './formats.ts';
import { rowOf } from './formats.ts';
import { copyPicture } from './sorted-copies.ts';

/** What is printed about a picture. */
export interface Row {
  readonly text: string;
  readonly isFailed: boolean;
  /** Why its copy could not be made. */
  readonly conflict?: string;
}

export interface RowOptions extends FormatOptions {
  /** Where pictures are copied to. @default nowhere */
  readonly sorted?: { readonly folder: string; readonly classes: ReadonlyMap<string, string> } | undefined;
}

/** The row of a picture; before, its copy is made, so that no picture with a row lacks one. */
export function toRow(
  { file, name = file }: { readonly file: string; readonly name?: string | undefined },
  { outcome, bytes }: { readonly outcome: PictureAnswer | UserError; readonly bytes?: Uint8Array | undefined },
  options: RowOptions,
): Row {
  const text = rowOf(file, outcome, options);
  if (outcome instanceof UserError) return { text, isFailed: true };
  const { sorted } = options;
  if (!sorted || !bytes) return { text, isFailed: false };
  const place = join(sorted.folder, sorted.classes.get(outcome.label) ?? '_', name);
  const conflict = copyPicture(bytes, place);
  return { text, isFailed: false, ...(conflict !== undefined && { conflict: `${file} was not copied: ${conflict}` }) };
}
