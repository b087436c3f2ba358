export const augmentationParts = ['speed', 'pictures', 'weights'] as const;
