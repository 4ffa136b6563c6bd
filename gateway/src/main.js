// SPDX-License-Identifier: MIT
// main.js: the process: settings, boot, SIGTERM.
//
// An error that nobody expected ends it at once: what is in memory can't be trusted, and
// what matters is on disk.  So does a store that can't write: WhatsApp then keeps what we
// have not confirmed.  Whoever supervises us starts us again.
import { pathToFileURL } from 'node:url';
import { configOf, describe } from './config.js';
import { makeGateway } from './gateway.js';
import { makeServer } from './http.js';
import { makeLog, muteConsole } from './log.js';

function die(message) {
	process.stderr.write(`gateway: ${message}\n`);
	process.exit(1);
}

function settings() {
	if (process.argv.includes('--settings')) {
		process.stdout.write(`${describe()}\n`);
		process.exit(0);
	}
	try {
		return configOf(process.env);
	} catch (error) {
		return die(error.message);
	}
}

function opened(parts) {
	try {
		return makeGateway(parts);
	} catch (error) {
		return die(`DATA_DIR=${parts.config.DATA_DIR}: ${error.message}`);
	}
}

const config = settings();
const log = makeLog(config.LOG_LEVEL);
muteConsole(log);
const module = config.GATEWAY_SOCKET ? pathToFileURL(config.GATEWAY_SOCKET).href : './socket.js';
const { default: makeSocket } = await import(module);
const gateway = opened({ config, log, makeSocket });
const server = makeServer({ gateway, config, log });

for (const event of ['uncaughtException', 'unhandledRejection'])
	process.on(event, error => {
		if (event === 'unhandledRejection' && error?.isBoom) {
			log.warn({ why: error.message }, 'a call of Baileys failed unheard'); // its connection closed
			return;
		}
		log.fatal({ why: error?.message, stack: error?.stack }, 'unexpected; ending, to be started again');
		process.exit(1);
	});

server.on('error', error => die(`PORT=${config.PORT}: ${error.message}`));
server.listen(config.PORT, config.HOST, () => {
	log.info({ port: server.address().port, backend: config.BACKEND_URL, shard: `${config.SHARD}/${config.NUM_SHARDS}` }, 'gateway is listening');
	gateway.start();
});

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'])
	process.on(signal, async () => {
		if (stopping)
			return;
		stopping = true;
		log.info('stopping');
		server.close();
		server.closeIdleConnections();
		await gateway.stop();
		process.exit(0);
	});
