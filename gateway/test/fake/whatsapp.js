// SPDX-License-Identifier: MIT
// whatsapp.js: WhatsApp, as far as a gateway sees it.  Prints "port N M" when run.
//
// Sockets (socket.js) talk JSON lines to its second port; people talk HTTP to its first:
//
//   lines   > {hello: tenant}  {receipt: id}  {send: {id, to, text}}
//           < {node, message}  {ack: id, error?}  {close: code}
//   HTTP    POST /deliver {tenant, messages: [{id, from, text, ...attrs}]}
//           GET /wire       every send in order, repeats too: {tenant, id, to, text}
//           GET /pending    how many messages no receipt has come for
//           POST /faults    {mode: mute (takes a send, confirms nothing), hold (confirms it at
//                           the next POST /faults) or an error code, times}
//           POST /close     {tenant, code}
//
// A message is delivered again on each new connection until its receipt came: that is
// what the real one does.
import { createServer as createHttp } from 'node:http';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

export function startWhatsApp(port = 0) {
	const tenants = new Map(); // tenant -> {socket, pending: Map(id -> delivery)}
	const wire = [], held = [];
	let fault = { mode: null, times: 0 };

	function tenant(name) {
		if (!tenants.has(name))
			tenants.set(name, { socket: null, pending: new Map() });
		return tenants.get(name);
	}

	const write = (socket, value) => socket?.write(`${JSON.stringify(value)}\n`);

	function confirm(socket, id) {
		const { mode } = fault.times > 0 ? fault : {};

		if (mode)
			fault.times--;
		if (mode === 'hold')
			held.push(() => write(socket, { ack: id }));
		if (mode === 'mute' || mode === 'hold')
			return;
		write(socket, { ack: id, error: mode ?? undefined });
	}

	const lines = createServer(socket => {
		let name = null;

		socket.on('error', () => {});
		socket.on('close', () => {
			if (name && tenant(name).socket === socket)
				tenant(name).socket = null;
		});
		createInterface({ input: socket, crlfDelay: Infinity }).on('line', text => {
			const said = JSON.parse(text);

			if (said.hello) {
				name = said.hello;
				tenant(name).socket = socket;
				for (const delivery of tenant(name).pending.values())
					write(socket, { ...delivery, node: { ...delivery.node, attrs: { ...delivery.node.attrs, offline: '1' } } });
			}
			if (said.receipt)
				tenant(name).pending.delete(said.receipt);
			if (said.send) {
				wire.push({ tenant: name, ...said.send });
				if (said.send.id)
					confirm(socket, said.send.id);
			}
		}).on('error', () => {});
	});

	function deliver(name, { id, from, text, message, ...attrs }) {
		const node = { tag: 'message', attrs: { id, from, t: '1700000000', notify: 'Dana', ...attrs } };
		const delivery = { node, message: message ?? { conversation: text } };

		tenant(name).pending.set(id, delivery);
		write(tenant(name).socket, delivery);
	}

	const acts = {
		'POST /deliver': ({ tenant: name, messages }) => messages.forEach(message => deliver(name, message)),
		'GET /wire': () => wire,
		'GET /pending': () => [...tenants.values()].reduce((sum, { pending }) => sum + pending.size, 0),
		'POST /faults'(body) {
			fault = body;
			held.splice(0).forEach(release => release());
		},
		'POST /close': ({ tenant: name, code }) => write(tenant(name).socket, { close: code }),
	};
	const http = createHttp(async (request, response) => {
		let text = '';

		for await (const part of request)
			text += part;
		response.end(JSON.stringify(acts[`${request.method} ${request.url}`](text ? JSON.parse(text) : {}) ?? null));
	});

	return new Promise(resolve => lines.listen(port, '127.0.0.1', () => http.listen(0, '127.0.0.1', () => resolve({
		port: lines.address().port,
		control: http.address().port,
		wire,
		deliver: (name, ...messages) => messages.forEach(message => deliver(name, message)),
		pending: acts['GET /pending'],
		fault: (mode, times = 1) => acts['POST /faults']({ mode, times }),
		close: (name, code) => acts['POST /close']({ tenant: name, code }),
		say: (name, value) => write(tenant(name).socket, value),
		isConnected: name => Boolean(tenant(name).socket),
		stop() {
			for (const { socket } of tenants.values())
				socket?.destroy();
			lines.close();
			http.close();
		},
	}))));
}

if (import.meta.filename === process.argv[1]) {
	const { port, control } = await startWhatsApp();
	process.stdout.write(`port ${control} ${port}\n`);
}
