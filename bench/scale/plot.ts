// Plots as SVG, by nothing but text: lines and points on axes that may be logarithmic. Colours are those
// of a page that is light or dark.
export interface Series {
	readonly name: string;
	readonly points: readonly (readonly [x: number, y: number])[];
	readonly isDashed?: boolean;
}

export interface Plot {
	readonly title: string;
	readonly x: Axis;
	readonly y: Axis;
	readonly series: readonly Series[];
}

export interface Axis {
	readonly label: string;
	readonly from: number;
	readonly to: number;
	readonly isLog: boolean;
	readonly ticks: readonly number[];
	readonly shown?: (value: number) => string;
}

const [width, height] = [720, 400];
const [left, right, top, bottom] = [76, 200, 44, 52];
const [inner, deep] = [width - left - right, height - top - bottom];
const colours = ['#3b6fb6', '#c2571a', '#3d8a4e', '#8a4fa3', '#9a7b0a', '#52606d'];

const part = ({ from, to, isLog }: Axis, value: number): number =>
	isLog ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from);

const round = (value: number): string => value.toFixed(1);
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

export function drawPlot({ title, x, y, series }: Plot): string {
	const at = ([px, py]: readonly [number, number]): [string, string] => [
		round(left + part(x, px) * inner),
		round(top + deep - part(y, py) * deep)
	];
	const lines = series.flatMap(({ name, points, isDashed }, index) => {
		const colour = colours[index % colours.length]!;
		const inside = points.filter(
			([px, py]) => px >= x.from && px <= x.to && py <= y.to && py >= y.from
		);
		const path = inside.map((point) => at(point).join(',')).join(' ');
		const dash = isDashed === true ? ' stroke-dasharray="6 4"' : '';
		const labelY = top + 10 + index * 20;
		return [
			`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`,
			...(isDashed === true
				? []
				: inside.map(([px, py]) => {
						const [cx, cy] = at([px, py]);
						return `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`;
					})),
			`<line x1="${left + inner + 14}" y1="${labelY}" x2="${left + inner + 34}" y2="${labelY}" stroke="${colour}" stroke-width="2"${dash}/>`,
			`<text x="${left + inner + 40}" y="${labelY + 4}">${escape(name)}</text>`
		];
	});
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">`,
		'<style>text{font:12px system-ui,sans-serif;fill:#222}.grid{stroke:#ccc}.back{fill:#fff}',
		'@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}.back{fill:#161616}}</style>',
		`<rect class="back" width="${width}" height="${height}"/>`,
		`<text x="${left}" y="24" font-weight="600">${escape(title)}</text>`,
		...axisLines(x, y),
		...lines,
		'</svg>',
		''
	].join('\n');
}

function axisLines(x: Axis, y: Axis): string[] {
	const text = (axis: Axis, value: number) =>
		escape(axis.shown?.(value) ?? value.toLocaleString('en'));
	return [
		...x.ticks.map((tick) => {
			const place = round(left + part(x, tick) * inner);
			return `<line class="grid" x1="${place}" y1="${top}" x2="${place}" y2="${top + deep}"/><text x="${place}" y="${top + deep + 18}" text-anchor="middle">${text(x, tick)}</text>`;
		}),
		...y.ticks.map((tick) => {
			const place = round(top + deep - part(y, tick) * deep);
			return `<line class="grid" x1="${left}" y1="${place}" x2="${left + inner}" y2="${place}"/><text x="${left - 8}" y="${Number(place) + 4}" text-anchor="end">${text(y, tick)}</text>`;
		}),
		`<text x="${left + inner / 2}" y="${height - 12}" text-anchor="middle">${escape(x.label)}</text>`,
		`<text transform="translate(16 ${top + deep / 2}) rotate(-90)" text-anchor="middle">${escape(y.label)}</text>`
	];
}
