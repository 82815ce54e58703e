/** Draws a job's picture on a canvas: printed values, then the blank grid, register marks, own corners and the current frame. */
import type { JobSpec } from '@peercompute/job-specs'
import { count } from '../models/format.ts'
import { cellOf, type Layout } from '../models/picture/layout.ts'
import { legibleOn, rampTable } from '../models/picture/ramp.ts'
import { densityOf, renderPicture, valueExtent, type Values } from '../models/picture/render.ts'
import { colourReader, printStops, rgbColour } from '../services/palette.ts'

export interface PlateSubject {
  readonly layout: Layout
  readonly view: JobSpec['view']
  readonly values: Values
  readonly own: ReadonlySet<number>
  readonly current: number | null
  /** Unit marked with a cross: the best one so far. */
  readonly best: number | null
}

/** A canvas with the size of one cell on it, in device pixels. */
interface Brush {
  readonly context: CanvasRenderingContext2D
  readonly side: number
  readonly tall: number
  /** Device pixels of one CSS pixel. */
  readonly ratio: number
  readonly colour: (token: string) => string
}

/** Cells narrower than this, in CSS pixels, carry no register marks, corners or numbers. */
const MARK_MIN = 14
const NUMBER_MIN = 30

/** The picture in its own pixels, transparent where nothing is known. */
function printed(subject: PlateSubject): HTMLCanvasElement {
  const { layout } = subject
  const picture = document.createElement('canvas')
  picture.width = layout.columns * layout.cellWidth
  picture.height = layout.rows * layout.cellHeight
  const context = picture.getContext('2d')
  if (context === null) return picture
  const image = context.createImageData(picture.width, picture.height)
  renderPicture(image.data, layout, subject.view, subject.values, rampTable(printStops.map(rgbColour)))
  context.putImageData(image, 0, 0)
  return picture
}

export function paintPlate(canvas: HTMLCanvasElement, subject: PlateSubject, widthPx: number, ratio: number): void {
  const { layout } = subject
  const side = (widthPx * ratio) / layout.columns
  const tall = side * (layout.kind === 'image' ? layout.cellHeight / layout.cellWidth : cellAspect(layout))
  canvas.width = Math.round(side * layout.columns)
  canvas.height = Math.round(tall * layout.rows)
  const context = canvas.getContext('2d')
  if (context === null) return
  const brush: Brush = { context, side, tall, ratio, colour: colourReader() }
  context.fillStyle = brush.colour('paper-raised')
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.imageSmoothingEnabled = layout.kind === 'image' && canvas.width < layout.columns * layout.cellWidth
  context.drawImage(printed(subject), 0, 0, canvas.width, canvas.height)
  const cellPx = side / ratio
  if (cellPx >= 4) paintBlanks(brush, subject, cellPx >= MARK_MIN)
  if (layout.kind === 'board' && cellPx >= 4) paintBoard(brush, subject, cellPx >= NUMBER_MIN)
  if (cellPx >= MARK_MIN) paintOwn(brush, subject)
  paintCurrent(brush, subject)
}

/** Height of a cell over its width, so that a surface or board is wider than tall. */
function cellAspect(layout: Layout): number {
  return Math.min(1.6, Math.max(0.25, (layout.columns * 0.62) / layout.rows))
}

function corner(layout: Layout, unit: number, side: number, tall: number): { x: number; y: number } {
  const cell = cellOf(layout, unit)
  return { x: cell.column * side, y: cell.row * tall }
}

function paintBlanks({ context, side, tall, ratio, colour }: Brush, { layout, values }: PlateSubject, marks: boolean): void {
  const arm = Math.min(side, tall) * 0.12
  context.lineWidth = ratio
  for (let unit = 0; unit < layout.units; unit++) {
    if (values.verified.has(unit) || values.provisional.has(unit)) continue
    const { x, y } = corner(layout, unit, side, tall)
    context.strokeStyle = colour('hairline')
    context.strokeRect(x + ratio / 2, y + ratio / 2, side - ratio, tall - ratio)
    if (!marks) continue
    context.strokeStyle = colour('rule')
    context.beginPath()
    context.moveTo(x + side / 2 - arm, y + tall / 2)
    context.lineTo(x + side / 2 + arm, y + tall / 2)
    context.moveTo(x + side / 2, y + tall / 2 - arm)
    context.lineTo(x + side / 2, y + tall / 2 + arm)
    context.stroke()
  }
}

function paintBoard({ context, side, tall, ratio, colour }: Brush, { layout, values }: PlateSubject, numbers: boolean): void {
  const extent = valueExtent(values)
  if (extent === null) return
  const density = densityOf(layout, undefined, extent)
  const table = rampTable(printStops.map(rgbColour))
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  context.font = `${13 * ratio}px system-ui, sans-serif`
  context.lineWidth = ratio
  for (const [unit, value] of values.verified) {
    const { x, y } = corner(layout, unit, side, tall)
    context.strokeStyle = colour('paper')
    context.strokeRect(x + ratio / 2, y + ratio / 2, side - ratio, tall - ratio)
    const number = value[0]
    if (!numbers || number === undefined) continue
    context.fillStyle = colour(legibleOn(table, density(number)))
    context.fillText(count(number), x + side / 2, y + tall / 2)
  }
}

function paintOwn({ context, side, tall, ratio, colour }: Brush, { layout, own }: PlateSubject): void {
  const mark = Math.min(12 * ratio, Math.min(side, tall) * (layout.kind === 'image' ? 0.34 : 0.22))
  context.fillStyle = colour('ink')
  for (const unit of own) {
    const { x, y } = corner(layout, unit, side, tall)
    context.beginPath()
    context.moveTo(x, y)
    context.lineTo(x + mark, y)
    context.lineTo(x, y + mark)
    context.closePath()
    context.fill()
  }
}

function paintCurrent({ context, side, tall, ratio, colour }: Brush, { layout, current, best }: PlateSubject): void {
  if (current !== null && current < layout.units) {
    const { x, y } = corner(layout, current, side, tall)
    context.lineWidth = 2 * ratio
    context.strokeStyle = colour('ink')
    context.strokeRect(x + ratio, y + ratio, Math.max(side, 6 * ratio) - 2 * ratio, Math.max(tall, 6 * ratio) - 2 * ratio)
  }
  if (best === null || best >= layout.units) return
  const { x, y } = corner(layout, best, side, tall)
  const arm = 8 * ratio
  context.beginPath()
  context.moveTo(x + side / 2 - arm, y + tall / 2)
  context.lineTo(x + side / 2 + arm, y + tall / 2)
  context.moveTo(x + side / 2, y + tall / 2 - arm)
  context.lineTo(x + side / 2, y + tall / 2 + arm)
  context.lineWidth = 2 * ratio
  context.strokeStyle = colour('print-0')
  context.stroke()
}
