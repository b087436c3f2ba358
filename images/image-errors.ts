import { UserError } from '#errors/user-error.ts';

/** The bytes are not an image of a supported format. */
export class UnsupportedImage extends UserError {
  override readonly name = 'UnsupportedImage';
  /** What the bytes are instead: `a GIF image`, `text`. */
  readonly found: string;

  /** @param supported the supported formats */
  constructor(found: string, supported: string) {
    super(`This is ${found}. Send ${supported}.`);
    this.found = found;
  }
}

/** The image is not a valid file of its format. */
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

/** The image uses a valid feature of its format that is not supported, such as 12-bit JPEG. */
export class UnsupportedFeature extends UserError {
  override readonly name = 'UnsupportedFeature';
  readonly format: string;
  readonly feature: string;

  constructor(format: string, feature: string) {
    super(`This ${format} image uses ${feature}, which is not supported. Save it as an ordinary PNG.`);
    this.format = format;
    this.feature = feature;
  }
}

/** The image exceeds a limit. Thrown before it is decoded. */
export class ImageTooLarge extends UserError {
  override readonly name = 'ImageTooLarge';

  private constructor(message: string) {
    super(message);
  }

  static bytes(found: number, limit: number): ImageTooLarge {
    return new ImageTooLarge(`The image has ${found} bytes; the limit is ${limit}. Scale it down, or save it as JPEG.`);
  }

  static pixels(width: number, height: number, limit: number): ImageTooLarge {
    return new ImageTooLarge(
      `The image is ${width}x${height}, ${width * height} pixels; the limit is ${limit}. Scale it down.`,
    );
  }
}
