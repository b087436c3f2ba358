/** `12,345 of 100,000 pictures, 2,950 a second, 30 s left`. */
export function rateLine(done: number, seconds: number, total: number | undefined): string {
  const perSecond = done / Math.max(seconds, 1e-3);
  const count = (value: number) => Math.round(value).toLocaleString('en');
  const of = total === undefined || total < done ? '' : ` of ${count(total)}`;
  const left =
    of === '' || perSecond === 0 ? '' : `, ${Math.ceil((total! - done) / perSecond).toLocaleString('en')} s left`;
  return `${count(done)}${of} pictures, ${count(perSecond)} a second${left}`;
}
