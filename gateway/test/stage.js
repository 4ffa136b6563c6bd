// SPDX-License-Identifier: MIT
// stage.js: one test's WhatsApp, backend and gateway; the gateway in this process.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { configOf } from '../src/config.js';
import { makeGateway } from '../src/gateway.js';
import { makeServer } from '../src/http.js';
import makeSocket from './fake/socket.js';
import { startWhatsApp } from './fake/whatsapp.js';

export const SECRET = 'stage-secret';
const DEADLINE_MS = 10000;

// until polls; nobody sleeps for a fixed time.
export async function until(condition, what = condition.toString()) {
	const end = Date.now() + DEADLINE_MS;

	for (;;) {
		const value = await condition();
		if (value)
			return value;
		if (Date.now() > end)
			throw new Error(`not in time: ${what}`);
		await new Promise(resolve => setTimeout(resolve, 5));
	}
}

// The backend: got[] of {path, headers, body}; answer(request) says what it answers.
export async function startBackend() {
	const backend = { got: [], answer: () => 200, asked: 0 };
	const server = createServer(async (request, response) => {
		let text = '';

		for await (const part of request)
			text += part;
		const call = { path: request.url, headers: request.headers, body: JSON.parse(text) };
		backend.asked++;
		const said = await backend.answer(call);
		const [status, headers = {}] = Array.isArray(said) ? said : [said];
		if (status === 200)
			backend.got.push(call);
		response.writeHead(status, headers).end();
	});

	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	backend.url = `http://127.0.0.1:${server.address().port}`;
	backend.stop = () => {
		server.closeAllConnections();
		server.close();
	};
	backend.texts = () => backend.got.flatMap(({ body }) => body.payload?.messages ?? []).map(({ message }) => message?.conversation);
	backend.updates = () => backend.got.flatMap(({ body }) => body.payload?.updates ?? []);
	backend.states = () => backend.got.filter(({ path }) => path.endsWith('/status')).map(({ body }) => [body.status, body.reason].filter(Boolean).join(' '));
	return backend;
}

export async function makeStage(t, settings = {}) {
	const dir = mkdtempSync(join(tmpdir(), 'gateway-'));
	const whatsapp = await startWhatsApp();
	const backend = await startBackend();
	const env = { INTERNAL_SECRET: SECRET, BACKEND_URL: backend.url, DATA_DIR: dir, PORT: '0', SEND_GAP_MS: '0', RECONNECT_MIN_MS: '5', DELIVER_WAIT_MAX_MS: '50', SEND_ACK_MS: '500', ...settings };
	const stage = { whatsapp, backend, dir, config: configOf(env) };
	let server;

	process.env.FAKE_WHATSAPP = String(whatsapp.port);
	stage.boot = async () => {
		const log = pino({ level: process.env.LOG ?? 'silent' });

		stage.gateway = makeGateway({ config: stage.config, log, makeSocket: options => (stage.sock = (stage.makeSocket ?? makeSocket)(options)) });
		server = makeServer({ gateway: stage.gateway, config: stage.config, log });
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		stage.url = `http://127.0.0.1:${server.address().port}`;
		stage.gateway.start();
	};
	stage.halt = async () => {
		server.closeAllConnections();
		server.close();
		await stage.gateway.stop();
	};
	stage.ask = async (method, path, body, headers = { 'X-Internal-Secret': SECRET }) => {
		const answer = await fetch(stage.url + path, { method, headers, body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body) });
		const text = await answer.text();
		const isJson = answer.headers.get('content-type') === 'application/json';

		return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
	};
	stage.connect = async (tenant = '1') => {
		await stage.ask('POST', `/whatsapp/${tenant}/start`);
		await until(() => stage.gateway.session(tenant).sock && whatsapp.isConnected(tenant), 'connected');
	};
	await stage.boot();
	t.after(async () => {
		await stage.halt().catch(() => {});
		backend.stop();
		whatsapp.stop();
		rmSync(dir, { recursive: true, force: true });
	});
	return stage;
}
