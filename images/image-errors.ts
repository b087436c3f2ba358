import { UserError } from '#errors/user-error.ts';

/** The bytes are no picture of a kind that is decoded. */
export class UnsupportedImage extends UserError {
  override readonly name = 'UnsupportedImage';
  /** What the bytes look like: `a GIF image`, `text`. */
  readonly found: string;

  /** @param taken what is decoded instead */
  constructor(found: string, taken: string) {
    super(`This is ${found}. Send ${taken}.`);
    this.found = found;
  }
}

/** The bytes begin like a picture and then break the rules of its format. */
export class CorruptImage extends UserError {
  override readonly name = 'CorruptImage';
  readonly format: string;
  readonly reason: string;

  constructor(format: string, reason: string, options?: ErrorOptions) {
    super(`This ${format} image is damaged: ${reason}. Save it again, or send it in another format.`, options);
    this.format = format;
    this.reason = reason;
  }
}

/** A feature of the format that is valid and not decoded, such as 12-bit JPEG. */
export class UnsupportedFeature extends UserError {
  override readonly name = 'UnsupportedFeature';
  readonly format: string;
  readonly feature: string;

  constructor(format: string, feature: string) {
    super(`This ${format} image uses ${feature}, which is not decoded here. Save it as an ordinary PNG.`);
    this.format = format;
    this.feature = feature;
  }
}

/** More bytes or pixels than are taken; found before anything was decoded. */
export class ImageTooLarge extends UserError {
  override readonly name = 'ImageTooLarge';

  private constructor(message: string) {
    super(message);
  }

  static bytes(found: number, limit: number): ImageTooLarge {
    return new ImageTooLarge(`The image has ${found} bytes; at most ${limit} are taken. Make it smaller first.`);
  }

  static pixels(width: number, height: number, limit: number): ImageTooLarge {
    return new ImageTooLarge(
      `The image is ${width}x${height}, ${width * height} pixels; at most ${limit} are taken. Make it smaller first.`,
    );
  }
}
