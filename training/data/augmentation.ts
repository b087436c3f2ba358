/**
 * How training images are varied. It works on bytes, before they are normalised, so that an engine is fed bytes.
 *
 * The order: crop, rotation, zoom, operations of RandAugment that move pixels, mirroring, translation, operations of RandAugment on colors, color
 * jitter, cutout. Everything that moves pixels looks them up once, so an image is interpolated once.
 */
export interface Augmentation {
  /**
   * `random`: each image is mirrored with probability ½ in each epoch. `alternating`: half of them, drawn once, are mirrored
   * in even epochs and the other half in odd ones, so that two epochs show both sides of every image.
   *
   * @see airbench, arXiv:2404.00498 §3.6
   */
  readonly flip: 'none' | 'random' | 'alternating';
  /** `random`: each image is turned upside down, as a mirror below does, with probability ½ in each epoch. @default 'none' */
  readonly verticalFlip?: 'none' | 'random';
  /** The most pixels that an image is moved by, vertically and horizontally; the border is reflected. 0 for none. */
  readonly translate: number;
  /** The least share of the image's area that is shown. 0 for all. @default 0 */
  readonly randomCrop?: number;
  /**
   * The most by which an image is made smaller and larger, as a share of its size: its scale is uniform from 1 - smaller to
   * 1 + larger, the same across and down, around its center. @default none
   */
  readonly zoom?: readonly [smaller: number, larger: number];
  /** The most degrees by which an image is rotated around its center, either way. @default 0 */
  readonly rotate?: number;
  /** Operations for an image, and their magnitude from 0 to 30. @default none */
  readonly randAugment?: readonly [operations: number, magnitude: number];
  /** The most that brightness, contrast and saturation are changed by, as a factor, and hue, in turns. @default none */
  readonly colorJitter?: readonly [brightness: number, contrast: number, saturation: number, hue: number];
  /** The side of a square that is cut out, as a share of the image's shorter side. @default 0 */
  readonly cutout?: number;
}

/** Which of the changes an augmentation makes that are more than mirroring and moving. */
export function kindsOf(augmentation: Augmentation) {
  const { randomCrop = 0, zoom = [0, 0], rotate = 0, randAugment, colorJitter, cutout = 0 } = augmentation;
  const hasPolicy = randAugment !== undefined && randAugment[0] > 0 && randAugment[1] > 0;
  return {
    isResampled: randomCrop > 0 || zoom.some((most) => most > 0) || rotate > 0 || hasPolicy,
    isRecolored: (colorJitter?.some((most) => most > 0) ?? false) || hasPolicy,
    isCut: cutout > 0,
  };
}

/** Whether any image is varied. */
export function isVarying(augmentation: Augmentation): boolean {
  const { flip, verticalFlip = 'none', translate } = augmentation;
  const isMoved = flip !== 'none' || verticalFlip !== 'none' || translate > 0;
  return isMoved || Object.values(kindsOf(augmentation)).includes(true);
}
