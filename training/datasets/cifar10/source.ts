import type { Files, FilesSource } from '../published/verified-files.ts';

/** A place that CIFAR-10 can be fetched from. */
export type DatasetSource = FilesSource<'train' | 'test'>;

/** A split as it is cached: its labels, then its pixels `[count, 32, 32, 3]`. */
export type FetchedSplits = Files<'train' | 'test'>;
