// SPDX-License-Identifier: MIT
// metrics.js: numbers in Prometheus' text format; counted here, gauges asked for when read.
// No phone, chat or tenant in a label.
const HELP = {
	events_total: ['counter', 'Events of WhatsApp: stored, or known already'],
	deliveries_total: ['counter', 'Posts to the backend by its status; none: no answer'],
	sends_total: ['counter', 'Requests to send by result'],
	closes_total: ['counter', 'Connections to WhatsApp that ended, by cause'],
	sessions: ['gauge', 'Sessions by state'],
	events_waiting: ['gauge', 'Stored events that the backend has not taken yet'],
	events_parked: ['gauge', 'Events that the backend refused for good'],
	events_oldest_age_seconds: ['gauge', 'Age of the oldest waiting event'],
};

const labelsOf = labels => Object.entries(labels).map(([name, value]) => `${name}="${value}"`).join(',');

export function makeMetrics() {
	const counts = new Map(); // name -> labels -> number

	function lines(name, values) {
		const [type, help] = HELP[name];
		const full = `prosaas_gateway_${name}`;
		const text = [`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`];

		for (const [labels, value] of values)
			text.push(labels ? `${full}{${labels}} ${value}` : `${full} ${value}`);
		return text;
	}

	return {
		count(name, labels, by = 1) {
			const values = counts.get(name) ?? counts.set(name, new Map()).get(name);
			const key = labelsOf(labels);

			values.set(key, (values.get(key) ?? 0) + by);
		},
		// text adds gauges: name -> [[labels, value], ...]
		text(gauges) {
			const all = [...counts, ...Object.entries(gauges).map(([name, values]) => [name, values.map(([labels, value]) => [labelsOf(labels), value])])];

			return `${all.flatMap(([name, values]) => lines(name, values)).join('\n')}\n`;
		},
	};
}
