import type uPlot from 'uplot';

/** Lets a finger or a pen drag over a chart, as uPlot itself lets the mouse. Up and down still scrolls the page. */
export function brushByTouch({ over, setSelect }: uPlot): void {
  let began: number | undefined;
  const mark = (from: number, to: number, done: boolean): void =>
    setSelect({ left: Math.min(from, to), width: Math.abs(to - from), top: 0, height: over.clientHeight }, done);
  const placeOf = ({ clientX }: PointerEvent): number => {
    const { left, width } = over.getBoundingClientRect();
    return Math.min(width, Math.max(0, clientX - left));
  };
  over.style.touchAction = 'pan-y';
  over.addEventListener('pointerdown', (event) => {
    if (event.pointerType === 'mouse' || !event.isPrimary) return;
    began = placeOf(event);
    over.setPointerCapture(event.pointerId);
  });
  over.addEventListener('pointermove', (event) => {
    if (began !== undefined && event.isPrimary) mark(began, placeOf(event), false);
  });
  over.addEventListener('pointerup', (event) => {
    if (began === undefined || !event.isPrimary) return;
    const from = began;
    began = undefined;
    mark(from, placeOf(event), true);
  });
  over.addEventListener('pointercancel', () => {
    if (began !== undefined) mark(0, 0, false);
    began = undefined;
  });
}
