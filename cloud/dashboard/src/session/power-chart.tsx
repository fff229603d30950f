/** Power over time, times in the site's zone. A gap between readings stays a line between two dots: nothing is smoothed. */
import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { clockText } from '../format/time.ts'
import type { TracePoint } from '../live/power-trace.ts'
import classes from './power-chart.module.css'

const HEIGHT = 180
/** Steps of the time axis in seconds: labels have whole seconds, so none is finer. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]

function columns(points: readonly TracePoint[]): uPlot.AlignedData {
  return [points.map((point) => point.atMs / 1000), points.map((point) => point.powerW / 1000)]
}

function options(element: HTMLElement, zone: string): uPlot.Options {
  const style = getComputedStyle(element)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  const axis = {
    stroke: colour('--sy-muted'),
    grid: { stroke: colour('--sy-border'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  }
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      {
        ...axis,
        space: 90,
        size: 28,
        incrs: TIME_STEPS,
        values: (_, splits) => splits.map((second) => clockText(second * 1000, zone, true)),
      },
      { ...axis, size: 56, values: (_, splits) => splits.map((kw) => `${kw} kW`) },
    ],
    series: [
      {},
      {
        stroke: colour('--sy-charging'),
        width: 2,
        fill: colour('--sy-charging-soft'),
        points: { show: true, size: 5 },
      },
    ],
  }
}

export default function PowerChart({ points, zone }: { points: readonly TracePoint[]; zone: string }) {
  const holder = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  const scheme = useComputedColorScheme('light')
  const shown = useRef(points)
  shown.current = points

  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are read from the scheme's variables, so it is made anew with the scheme
  useEffect(() => {
    const element = holder.current
    if (!element) return
    const made = new uPlot(options(element, zone), columns(shown.current), element)
    chart.current = made
    const resize = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }))
    resize.observe(element)
    return () => {
      resize.disconnect()
      made.destroy()
      chart.current = null
    }
  }, [zone, scheme])

  useEffect(() => chart.current?.setData(columns(points)), [points])

  const last = points.at(-1)
  return (
    <div
      ref={holder}
      className={classes.chart}
      role="img"
      aria-label={`Power over time, ${points.length} readings, last ${last ? (last.powerW / 1000).toFixed(1) : '–'} kW`}
    />
  )
}
