import { UserError } from '#errors/user-error.ts';
import type { ObjectStore } from '#models/stores/object-store.ts';

/** No model can answer. `message` is for the operator; `publicMessage` is for clients and does not reveal where the store is. */
abstract class NoModel extends UserError {
  abstract readonly publicMessage: string;
}

/** The served alias does not point to a version yet. */
export class NoModelYet extends NoModel {
  override readonly name = 'NoModelYet';
  readonly publicMessage: string;

  constructor(alias: string, store: ObjectStore) {
    const isBucket = store.url.startsWith('s3://');
    const train = isBucket ? 'submit quick' : 'train quick';
    const [outOption, storeOption] = isBucket ? ['', ''] : [` --out ${store.url}`, ` --store ${store.url}`];
    super(
      `No model is served yet: ${store.url} has no alias "${alias}". ` +
        `Train one with "./cifar10 ${train}${outOption}", then run "./cifar10 models promote candidate${storeOption}".`,
    );
    this.publicMessage =
      `No model is served yet: no version was promoted to "${alias}". ` +
      `Train one with "./cifar10 ${train}", then run "./cifar10 models promote candidate".`;
  }
}

/** A model exists but cannot be loaded now. */
export class ModelUnavailable extends NoModel {
  override readonly name = 'ModelUnavailable';
  readonly publicMessage: string;

  constructor(message: string, store: ObjectStore, options?: ErrorOptions) {
    super(message, options);
    const inPublic = store.commandOption === '' ? message : message.replaceAll(` ${store.commandOption}`, '');
    this.publicMessage = inPublic.replaceAll(store.url, 'the store').replace(/(?<=\. )the store/g, 'The store');
  }

  /** @param what begins the sentence: a version, or what an alias points to */
  static because(what: string, cause: unknown, store: ObjectStore): ModelUnavailable {
    const reason = cause instanceof UserError ? cause.message : 'See the log of the endpoint for the cause.';
    return new ModelUnavailable(`${what} cannot be served now. ${reason}`, store, { cause });
  }

  /** @param timeout milliseconds */
  static timedOut(store: ObjectStore, timeout: number): ModelUnavailable {
    return new ModelUnavailable(`${store.url} has not answered for ${timeout / 1000} s.`, store);
  }
}
