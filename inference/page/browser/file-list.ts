import { createElement, element } from './element.ts';

/** A list of files and what came of each. */
export interface FileList {
  /** Says which file is classified now. */
  start(index: number): void;
  /** Shows the answer for a file. */
  answer(index: number, text: string, isDoubtful: boolean): void;
  /** Shows why a file has no answer. */
  refuse(index: number, reason: string): void;
  /** Says that no file is left. @returns what it says */
  end(): string;
}

/** Lists several files below the buttons. @param open called when the user chooses one of them */
export function showFileList(files: readonly Blob[], open: (file: Blob) => void): FileList {
  const outcomes = files.map(() => createElement('span', { className: 'outcome' }));
  const items = files.map((file, index) => {
    const name = createElement('span', { className: 'name' }, file instanceof File ? file.name : `Image ${index + 1}`);
    const button = createElement('button', { type: 'button' }, name, outcomes[index]!);
    button.addEventListener('click', () => open(file));
    return createElement('li', {}, button);
  });
  element('files', HTMLElement).replaceChildren(...items);
  element('list', HTMLElement).hidden = false;
  const title = element('list-title', HTMLElement);
  let refused = 0;
  return {
    start(index) {
      title.textContent = `Classifying ${index + 1} of ${files.length}…`;
      outcomes[index]!.textContent = '…';
    },
    answer(index, text, isDoubtful) {
      outcomes[index]!.textContent = text;
      outcomes[index]!.classList.toggle('uncertain', isDoubtful);
    },
    refuse(index, reason) {
      refused++;
      outcomes[index]!.textContent = reason;
      outcomes[index]!.classList.add('refused');
    },
    end() {
      const failures = refused === 0 ? '' : `, ${refused} of them could not be classified`;
      title.textContent = `${files.length} images${failures}`;
      return title.textContent;
    },
  };
}

export function hideFileList(): void {
  element('list', HTMLElement).hidden = true;
}
