/** The file is not a whole JPEG image. The message is the reason, to follow "it is damaged:". */
export class DamagedJpeg extends Error {
  override readonly name = 'DamagedJpeg';
}

/** The file uses a feature of the standard that is not decoded. The message names the feature. */
export class UnsupportedJpeg extends Error {
  override readonly name = 'UnsupportedJpeg';
}
