%% The page of gwport_status_page: its HTML, style and script, as they are sent. They stand in texts of
%% Erlang, which have line breaks as they are; so nothing in here has a double quote or a backslash.
%% The style begins as apps/page.css, which gwport_status_page_tests holds it to.

-define(HEAD, <<"<!doctype html>
<html lang='en'>
<head>
<meta charset='utf-8'>
<meta name='viewport' content='width=device-width, initial-scale=1'>
<title>gwport: status</title>
<link rel='icon' href='data:,'>
">>).

-define(STYLE, <<"
:root { color-scheme: light dark; --line: #8884; --accent: #0969da; }
@media (prefers-color-scheme: dark) { :root { --accent: #58a6ff; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: .5rem 0 1rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
a { color: var(--accent); }
code, pre, td, output { font-family: ui-monospace, monospace; font-size: .9em; }
pre { padding: .75rem 1rem; border: 1px solid var(--line); border-radius: 6px; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 600; white-space: nowrap; }
button, input { font: inherit; }
button { padding: .3rem .9rem; }

:root { --quiet: #59636e; --good: #1a7f37; --busy: #9a6700; --bad: #b3261e; --soft: #8881; }
@media (prefers-color-scheme: dark) { :root { --quiet: #9198a1; --good: #3fb950; --busy: #d29922; --bad: #ff8a80; } }
body { max-width: 68rem; }
[hidden] { display: none !important; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
header p { margin: .3rem 0; color: var(--quiet); }
#link { font-weight: 600; color: var(--quiet); }
#link.live { color: var(--good); }
#link.lost { color: var(--bad); }
main.lost { opacity: .55; }
section.pool { border: 1px solid var(--line); border-radius: 8px; padding: 0 1rem 1rem; margin: 1.5rem 0; }
section.pool h2 { font-size: 1.25rem; margin: 1rem 0 .5rem; overflow-wrap: anywhere; }
.state { font-size: .8rem; font-weight: 600; white-space: nowrap; }
.state::before { content: ''; display: inline-block; width: .6em; height: .6em; border-radius: 50%; background: currentColor; margin: 0 .4em 0 0; }
h2 .state { margin-left: .6rem; vertical-align: middle; }
.good { color: var(--good); }
.busy { color: var(--busy); }
.bad { color: var(--bad); }
.still { color: var(--quiet); }
.note { margin: .5rem 0; color: var(--bad); overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.2rem, 1fr)); gap: .5rem; margin: .75rem 0 1rem; }
.figures div { background: var(--soft); border-radius: 6px; padding: .4rem .7rem; }
.figures .wide { grid-column: 1 / -1; }
.figures dt { font-size: .8rem; color: var(--quiet); }
.figures dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.figures div:not(.wide) dd { font-size: 1.1rem; font-weight: 600; }
.controls { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; align-items: center; margin: .75rem 0; }
.controls form { display: flex; gap: .5rem; align-items: center; margin: 0; }
.controls input { width: 4.5rem; padding: .25rem .4rem; }
.said { display: block; overflow-wrap: anywhere; }
caption { text-align: left; font-weight: 600; padding: .4rem 0; }
thead th { font-size: .8rem; color: var(--quiet); vertical-align: bottom; }
td, tbody th { font-variant-numeric: tabular-nums; vertical-align: baseline; }
.ports button { padding: .1rem .6rem; font-size: .85rem; }
summary { cursor: pointer; margin: .9rem 0 .3rem; font-weight: 600; }
.lines { list-style: none; margin: 0; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: 6px; max-height: 18rem; overflow-y: auto; font: .8rem/1.5 ui-monospace, monospace; }
.lines li { white-space: pre-wrap; overflow-wrap: anywhere; }
.lines:empty::before { content: 'Its programs have logged nothing.'; color: var(--quiet); }
.lines span { margin-right: .6em; color: var(--quiet); }
.lines .error, .lines .error span.level { color: var(--bad); }
.lines .warning span.level { color: var(--busy); }
dialog { color: inherit; background: Canvas; border: 1px solid var(--line); border-radius: 8px; width: min(60rem, 92vw); max-height: 88vh; padding: 0 1rem 1rem; }
dialog::backdrop { background: #0008; }
dialog pre { max-height: 62vh; overflow: auto; font-size: .8rem; }
@media (max-width: 46rem) {
	body { margin: 1rem auto; }
	thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
	table, tbody, tr, td, th[role=rowheader] { display: block; }
	caption { display: block; }
	tr { border: 1px solid var(--line); border-radius: 6px; padding: .4rem .7rem; margin: .5rem 0; }
	td, th[role=rowheader] { border: 0; padding: .1rem 0; display: flex; gap: .75rem; justify-content: space-between; white-space: normal; text-align: right; }
	td::before, th[role=rowheader]::before { content: attr(data-label); color: var(--quiet); font: 400 .85rem/1.7 system-ui, sans-serif; text-align: left; white-space: nowrap; }
	td.why { display: block; text-align: left; }
	td.why::before { content: none; }
}
">>).

-define(BODY, <<"<body>
<header>
<h1>gwport <span class='unseen'>on</span> <code id='node'></code></h1>
<p><span id='link' role='status'>connecting</span></p>
<p id='facts'></p>
<p id='announced' class='unseen' role='status'></p>
</header>
<main id='main'>
<p id='none' hidden>No pool runs on this node.</p>
<div id='pools'></div>
<section id='routes' aria-labelledby='routes-title' hidden>
<h2 id='routes-title'>Routes</h2>
<table role='table'>
<caption>What of this node’s listeners leads to gwport</caption>
<thead role='rowgroup'><tr role='row'>
<th role='columnheader' scope='col'>Path</th><th role='columnheader' scope='col'>Host</th><th role='columnheader' scope='col'>Leads to</th><th role='columnheader' scope='col'>Listener</th><th role='columnheader' scope='col'>Mounted by</th>
</tr></thead>
<tbody role='rowgroup'></tbody>
</table>
</section>
</main>
<footer><p class='still'>Requests/s, p50 and p99 are of the last ten seconds, and count to the head of a response. In flight, waiting and memory are of now; the rest is since the pool, or the program, was started. Memory is the program’s, owner what the process before it holds in the BEAM, credit out how much of the response budget is given out.</p></footer>

<dialog id='stacks' aria-labelledby='stacks-title'>
<h2 id='stacks-title'></h2>
<form method='dialog'><button>Close</button></form>
<pre tabindex='0' aria-labelledby='stacks-title'></pre>
</dialog>

<template id='pool'>
<section class='pool'>
<h2><span class='name'></span><span class='state'></span></h2>
<p class='note' hidden></p>
<dl class='figures'></dl>
<div class='slot'></div>
<output class='said' role='status'></output>
<table class='ports' role='table'>
<caption>Ports</caption>
<thead role='rowgroup'><tr role='row'>
<th role='columnheader' scope='col'>OS pid</th><th role='columnheader' scope='col'>State</th><th role='columnheader' scope='col'>Program</th><th role='columnheader' scope='col'>Up for</th><th role='columnheader' scope='col'>In flight</th><th role='columnheader' scope='col'>Requests/s</th><th role='columnheader' scope='col'>Served</th><th role='columnheader' scope='col'>Memory</th><th role='columnheader' scope='col'>Owner</th><th role='columnheader' scope='col'>Credit out</th><th role='columnheader' scope='col'><span class='unseen'>Stacks</span></th>
</tr></thead>
<tbody role='rowgroup'></tbody>
</table>
<details><summary>Last log lines</summary><ol class='lines' tabindex='0'></ol></details>
</section>
</template>
"/utf8>>).

-define(CONTROLS, <<"
<template id='controls'>
<div class='controls' role='group'>
<button type='button' class='reload'>Reload</button>
<button type='button' class='drain'>Drain</button>
<form class='resize'><label>Ports <input type='number' min='1' max='1024' required></label><button>Resize</button></form>
</div>
</template>
">>).

-define(SCRIPT, <<"
'use strict';
// Whatever comes from the node is put in as text, never as HTML. What is there is changed, and not made anew, so that
// focus and selection stay where they are. A test reads #link, and of each section.pool its data-pool, the figures by
// their data-figure, and the rows of .ports by their data-port.
const byId = id => document.getElementById(id);
const token = document.querySelector('meta[name=gwport-token]').content;
const KEPT = 200; // lines of a pool

function put(element, text) {
	text = String(text);
	if (element.textContent !== text) element.textContent = text;
}

function element(tag, attributes, ...children) {
	const e = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
	e.append(...children);
	return e;
}

// Words for figures.

const count = n => n.toLocaleString('en');

function bytes(n) {
	if (n === 0) return '0';
	const units = ['B', 'KB', 'MB', 'GB', 'TB'];
	const unit = Math.min(Math.floor(Math.log2(n) / 10), 4);
	const size = n / 1024 ** unit;
	return `${unit > 0 && size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

function duration(ms) {
	const s = Math.floor(ms / 1000);
	if (s < 60) return `${s} s`;
	if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
	if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

const rate = n => n === null ? '–' : n >= 100 ? count(Math.round(n)) : n.toFixed(1);
const most = ms => ms === null ? '–' : ms === 'infinity' ? '> 10 s' : ms >= 1000 ? `≤ ${ms / 1000} s` : `≤ ${ms} ms`;
const clock = ms => new Date(ms).toLocaleTimeString([], { hour12: false });
const pairs = map => Object.entries(map).filter(([, n]) => n > 0).map(([name, n]) => `${name.replaceAll('_', ' ')} ${count(n)}`).join(', ');

// One element for each key, in the order of the list.
function keyed(parent, list, key, make, show) {
	const there = new Map([...parent.children].map(e => [e.dataset.key, e]));
	let after = null;
	for (const item of list) {
		const k = String(key(item));
		let e = there.get(k);
		if (e === undefined) {
			e = make(item);
			e.dataset.key = k;
		}
		there.delete(k);
		const place = after ? after.nextElementSibling : parent.firstElementChild;
		if (place !== e) parent.insertBefore(e, place);
		show(e, item);
		after = e;
	}
	for (const e of there.values()) e.remove();
}

// A pool.

// Of each figure a word, what it says of a pool, and whether it takes a line of its own.
const figures = [
	['in-flight', 'In flight', p => `${count(p.in_flight)} / ${count(p.limit)}`],
	['queue', 'Waiting', p => count(p.queue)],
	['rate', 'Requests/s', p => rate(p.rate)],
	['p50', 'p50 to head', p => most(p.p50)],
	['p99', 'p99 to head', p => most(p.p99)],
	['restarts', 'Restarts', p => count(p.restarts)],
	['memory', 'Memory', p => bytes(p.memory)],
	['uptime', 'Up for', p => duration(p.uptime)],
	['statuses', 'Responses', p => pairs(p.statuses) || 'none', 'wide'],
	['failures', 'Without a whole answer', p => pairs(p.failures), 'wide'],
	['waits', 'Found no place at once', p => pairs(p.waits), 'wide'],
	['last-end', 'Last end', p => p.last_end ? `${p.last_end.why}, ${duration(p.last_end.ago)} ago` : '', 'wide'],
	['apps', 'Apps', p => p.apps.map(app => app || 'one without a name').join(', '), 'wide'],
];

let titles = 0;

function makePool(p) {
	const e = byId('pool').content.cloneNode(true).firstElementChild;
	e.dataset.pool = p.name;
	const title = e.querySelector('.name');
	title.id = `pool-${++titles}`;
	e.setAttribute('aria-labelledby', title.id);
	put(title, p.name);
	put(e.querySelector('caption'), `Ports of ${p.name}`);
	e.querySelector('.lines').setAttribute('aria-label', `Last log lines of ${p.name}`);
	for (const [name, word, , wide] of figures) {
		e.querySelector('.figures').append(element('div', { 'data-figure': name, class: wide || '' },
			element('dt', {}, word), element('dd', {})));
	}
	if (byId('controls')) addControls(e, p);
	return e;
}

function addControls(e, p) {
	const group = byId('controls').content.cloneNode(true).firstElementChild;
	group.setAttribute('aria-label', `What ${p.name} is to do`);
	const ports = group.querySelector('input');
	ports.value = p.size || 1;
	group.querySelector('.reload').onclick = event => act(e, event.target, 'reload', {});
	group.querySelector('.drain').onclick = event => {
		if (confirm(`Drain ${p.name}? New requests get 503 until it is resized or reloaded.`)) act(e, event.target, 'drain', {});
	};
	group.querySelector('.resize').onsubmit = event => {
		event.preventDefault();
		act(e, event.submitter, 'resize', { ports: ports.value });
	};
	e.querySelector('.slot').append(group);
}

function poolState(p) {
	if (p.circuit === 'open') return ['fails, one port is tried', 'bad'];
	if (p.ready) return p.ports.filter(port => port.state === 'serving').length < p.size ? ['ready, with fewer ports', 'busy'] : ['ready', 'good'];
	return p.size === 0 ? ['drained', 'still'] : p.limit > 0 ? ['full', 'bad'] : ['not ready', 'bad'];
}

function note(p) {
	if (p.ready || !p.last_end || p.size === 0) return '';
	return `No program serves. The last one: ${p.last_end.why}.${p.next_try === null ? '' : ` The next try is in ${duration(p.next_try + 999)}.`}`;
}

function showPool(e, p) {
	const [word, kind] = poolState(p), state = e.querySelector('h2 .state');
	if (state.textContent && state.textContent !== word) put(byId('announced'), `Pool ${p.name}: ${word}.`);
	put(state, word);
	state.className = `state ${kind}`;
	put(e.querySelector('.note'), note(p));
	e.querySelector('.note').hidden = !note(p);
	for (const [name, , of, wide] of figures) {
		const box = e.querySelector(`[data-figure=${name}]`), said = of(p);
		put(box.lastElementChild, said);
		box.hidden = wide && said === '';
	}
	keyed(e.querySelector('.ports tbody'), p.ports.map((port, i) => ({ ...port, i })), portKey, makePort, showPort);
	addLines(e, p.lines);
}

// A port.

const portKinds = { serving: 'good', spare: 'good', greeting: 'busy', draining: 'busy', ending: 'busy', waiting: 'bad' };
const portKey = port => port.state === 'waiting' ? `waiting ${port.i}` : `${port.os_pid} ${port.program}`;
const cells = [
	['State', port => port.state],
	['Program', port => [port.program, port.version].filter(Boolean).join(' ') || '–'],
	['Up for', port => duration(port.uptime)],
	['In flight', port => `${count(port.in_flight)} / ${count(port.max_streams)}`],
	['Requests/s', port => rate(port.rate)],
	['Served', port => count(port.served)],
	['Memory', port => port.memory ? bytes(port.memory) : '–'],
	['Owner', port => bytes(port.owner_memory)],
	['Credit out', port => bytes(port.credit_out)],
];

function makePort(port) {
	const row = element('tr', { role: 'row', 'data-port': port.os_pid ?? 'none' });
	row.append(element('th', { role: 'rowheader', scope: 'row', 'data-label': 'OS pid' }, element('code', {}, port.os_pid ?? '–')));
	if (port.state === 'waiting') {
		row.append(element('td', { role: 'cell', 'data-label': 'State' }, element('span', { class: 'state bad' }, 'waiting')),
			element('td', { role: 'cell', class: 'why', colspan: cells.length }));
		return row;
	}
	for (const [label] of cells) row.append(element('td', { role: 'cell', 'data-label': label }, element('span', {})));
	const button = element('button', { type: 'button', 'aria-label': `Stacks of OS pid ${port.os_pid}` }, 'Stacks');
	button.onclick = () => showStacks(row.closest('.pool'), button, port.os_pid);
	row.append(element('td', { role: 'cell', 'data-label': 'Goroutines' }, button));
	return row;
}

function showPort(row, port) {
	if (port.state === 'waiting') {
		const next = typeof port.next_try === 'number' ? `is started again in ${duration(port.next_try + 999)}` : 'waits for another port to be tried first';
		put(row.lastElementChild, `${port.why}; failures in a row: ${port.failures}; it ${next}`);
		return;
	}
	cells.forEach(([, of], i) => put(row.children[i + 1].firstElementChild, of(port)));
	row.children[1].firstElementChild.className = `state ${portKinds[port.state] || 'still'}`;
	row.lastElementChild.firstElementChild.disabled = !['serving', 'draining', 'spare'].includes(port.state);
}

// Lines are followed to their end by those who have not scrolled away from it.
function addLines(e, lines) {
	const list = e.querySelector('.lines'), end = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
	for (const line of lines) {
		list.append(element('li', { class: line.level }, element('span', {}, clock(line.time)),
			element('span', { class: 'level' }, line.level), element('span', {}, line.os_pid ?? ''), line.text));
	}
	while (list.children.length > KEPT) list.firstElementChild.remove();
	if (lines.length && end) list.scrollTop = list.scrollHeight;
	put(e.querySelector('summary'), `Last log lines (${list.children.length})`);
}

// What can be done.

async function post(what, fields) {
	const answer = await fetch(what, {
		method: 'POST',
		headers: { 'x-gwport-token': token, 'content-type': 'application/x-www-form-urlencoded' },
		body: new URLSearchParams(fields),
	});
	return [answer.ok, (await answer.text()).trim() || answer.statusText];
}

async function asked(e, button, what, fields) {
	const said = e.querySelector('.said');
	button.disabled = true;
	said.className = 'said';
	put(said, `${button.textContent} …`);
	try {
		const [ok, text] = await post(what, { pool: e.dataset.pool, ...fields });
		said.className = ok ? 'said good' : 'said bad';
		return [ok, text];
	} catch (error) {
		said.className = 'said bad';
		return [false, `the node has not answered (${error.message})`];
	} finally {
		button.disabled = false;
	}
}

async function act(e, button, what, fields) {
	const [, text] = await asked(e, button, what, fields);
	put(e.querySelector('.said'), text);
}

async function showStacks(e, button, osPid) {
	const [ok, text] = await asked(e, button, 'stacks', { os_pid: osPid });
	put(e.querySelector('.said'), ok ? '' : text);
	if (!ok) return;
	put(byId('stacks-title'), `Stacks of the goroutines of OS pid ${osPid}, at ${clock(Date.now())}`);
	put(byId('stacks').querySelector('pre'), text);
	byId('stacks').showModal();
}

// Routes.

function target(route) {
	if (route.kind === 'pool') return route.app ? `pool ${route.name}, app ${route.app}` : `pool ${route.name}`;
	return route.kind === 'run' ? `an app in Erlang, of ${route.name}` : 'options that cannot be read';
}

const routeCells = [
	['Host', route => route.host],
	['Leads to', target],
	['Listener', route => `${route.listener} (${route.scheme}, ${route.port ?? 'no port'})`],
	['Mounted by', route => route.handler],
];

function makeRoute() {
	return element('tr', { role: 'row' }, element('th', { role: 'rowheader', scope: 'row', 'data-label': 'Path' }, element('code', {})),
		...routeCells.map(([label]) => element('td', { role: 'cell', 'data-label': label }, element('span', {}))));
}

function showRoute(row, route) {
	put(row.firstElementChild.firstElementChild, route.path);
	routeCells.forEach(([, of], i) => put(row.children[i + 1].firstElementChild, of(route)));
}

// The node.

function show(n) {
	put(byId('node'), n.node);
	document.title = `gwport: ${n.node}`;
	put(byId('facts'), `gwport ${n.version}, Erlang/OTP ${n.otp}, up for ${duration(n.uptime)}; the BEAM has ${bytes(n.memory)} of memory and ${count(n.processes)} processes.`);
	byId('none').hidden = n.pools.length > 0;
	keyed(byId('pools'), n.pools, p => p.name, makePool, showPool);
	byId('routes').hidden = n.routes.length === 0;
	keyed(byId('routes').querySelector('tbody'), n.routes.map((route, i) => ({ ...route, i })), route => route.i, makeRoute, showRoute);
}

// The connection. What is shown while there is none is old, and looks so.

let source, heard, retry;

function link(word, kind) {
	put(byId('link'), word);
	byId('link').className = kind;
	byId('main').className = kind === 'lost' ? 'lost' : '';
}

function connect() {
	clearTimeout(retry);
	source?.close();
	// The node tells the lines that it has from the beginning.
	let first = true;
	heard = Date.now();
	source = new EventSource('events');
	source.onopen = () => { first = true; };
	source.onmessage = event => {
		heard = Date.now();
		if (first) for (const list of document.querySelectorAll('.lines')) list.replaceChildren();
		first = false;
		show(JSON.parse(event.data));
		link('live', 'live');
	};
	source.onerror = () => {
		lost();
		// What is no stream of events is not asked for again by the browser.
		if (source.readyState === EventSource.CLOSED) retry = setTimeout(connect, 2000);
	};
}

function lost() {
	if (byId('link').className !== 'lost') link(`connection lost at ${clock(Date.now())}, trying again`, 'lost');
}

// A node that stands still closes nothing.
setInterval(() => {
	if (Date.now() - heard < 5000) return;
	lost();
	connect();
}, 1000);
window.addEventListener('online', connect);
connect();
"/utf8>>).
