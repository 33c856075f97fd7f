/** A plot of both sides over time, with the step changes marked. uPlot draws on a canvas, so a
 * sentence says the last values to those who do not see it. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { clock } from "../text";
import { theme } from "../theme";

export interface Line {
  label: string;
  /** The CSS variable of its colour. */
  colour: string;
  dashed?: boolean;
  values: (number | null)[];
}
export interface Mark {
  at: number;
  label: string;
}
interface Props {
  title: string;
  /** Seconds since the epoch. */
  times: number[];
  lines: Line[];
  marks: Mark[];
  show: (value: number) => string;
  /** The same at the axis, all in one form; ``top``: the highest value there. */
  axis?: (value: number, top: number) => string;
  /** The scale ends no lower, so that zero is drawn as little. */
  least: number;
}

const HEIGHT = 150;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function drawMarks(plot: uPlot, marks: Mark[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("--muted");
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  let free = 0;
  for (const mark of marks) {
    const x = plot.valToPos(mark.at, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const width = ctx.measureText(mark.label).width;
    if (x >= free && x + width < bbox.left + bbox.width) {
      ctx.fillText(mark.label, x + 4 * devicePixelRatio, bbox.top + 10 * devicePixelRatio);
      free = x + width + 10 * devicePixelRatio;
    }
  }
  ctx.restore();
}

function options(props: Props, width: number, latest: { marks: Mark[] }): uPlot.Options {
  const atAxis = props.axis ?? props.show;
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 } };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false },
    // The last time at the axis reaches half its length over the plot.
    padding: [8, 28, 0, 0],
    scales: { y: { range: (_, __, top) => [0, Math.max(props.least, top * 1.15)] } },
    axes: [
      {
        ...axis,
        ticks: { show: false },
        space: 96,
        size: 26,
        values: (_, times) => times.map(clock),
      },
      {
        ...axis,
        ticks: { show: false },
        size: 62,
        space: 34,
        values: (_, values) => values.map((value) => atAxis(value, values.at(-1) ?? 0)),
      },
    ],
    series: [
      {},
      ...props.lines.map((line) => ({
        label: line.label,
        stroke: colour(line.colour),
        width: 1.5,
        dash: line.dashed ? [5, 4] : [],
        // A line needs two points; of many, none stands out.
        points: { show: (plot: uPlot) => (plot.data[0]?.length ?? 0) < 3 },
        spanGaps: true,
      })),
    ],
    hooks: { draw: [(plot) => drawMarks(plot, latest.marks)] },
  };
}

export function Plot(props: Props) {
  const where = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef({ marks: props.marks });
  latest.current.marks = props.marks;
  const shape = props.lines.map((line) => line.label + line.colour).join() + theme.value;

  useEffect(() => {
    const element = where.current;
    if (element === null) return;
    const made = new uPlot(
      options(props, element.clientWidth, latest.current),
      [props.times, ...props.lines.map((line) => line.values)] as uPlot.AlignedData,
      element,
    );
    plot.current = made;
    const watch = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    plot.current?.setData([
      props.times,
      ...props.lines.map((line) => line.values),
    ] as uPlot.AlignedData);
  }, [props.times, props.lines]);

  const told = props.lines.map((line) => {
    const last = line.values.findLast((value) => value !== null);
    return { line, text: last === undefined || last === null ? "–" : props.show(last) };
  });
  return (
    <figure class="plot">
      <figcaption>
        <span class="name">{props.title}</span>
        {told.map(({ line, text }) => (
          <span key={line.label} class={`legend ${line.colour.slice(2)}`}>
            <span aria-hidden="true">{line.dashed ? "┄" : "━"}</span> {line.label} <b>{text}</b>
          </span>
        ))}
      </figcaption>
      <div ref={where} class="canvas" aria-hidden="true" />
    </figure>
  );
}
