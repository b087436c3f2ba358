import type { ImageLimits } from '#images/decode-image.ts';
import type { ServedModel } from '../serving/live-models.ts';
import { type Classified, classifyImages, type RemoteModel } from './classify-images.ts';
import type { ClassifyOptions } from './classify-request.ts';
import { explainText, undamaged } from './sent-as-text.ts';

/**
 * Classifies image files as `classifyImages` does, and names what text mode did to one on its way.
 *
 * @throws {RequestError} an option does not fit the model or the number of images
 */
export async function classifyFiles(
  files: readonly (Uint8Array | Error)[],
  model: ServedModel | RemoteModel,
  options?: ClassifyOptions,
  limits?: ImageLimits,
): Promise<Classified> {
  const { height, width, channels } = model.card.input;
  const isRaw = (file: Uint8Array) => file.length === height * width * channels;
  const whole = files.map((file) => (file instanceof Error || isRaw(file) ? file : undamaged(file)));
  const { results, timing } = await classifyImages(whole, model, options, limits);
  const explained = results.map((result, index) => {
    const file = whole[index]!;
    return result instanceof Error && !(file instanceof Error) ? explainText(file, result) : result;
  });
  return { results: explained, timing };
}
