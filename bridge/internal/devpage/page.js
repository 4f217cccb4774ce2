
(() => {
	const meta = document.querySelector('meta[name=gwport-program]');
	const live = document.getElementById('live');
	const isGet = meta.dataset.method === 'GET';
	let timer = 0, asking = false, over = false;
	live.textContent = isGet
		? 'This page loads itself again when the program has changed.'
		: 'This page says so when the program has changed.';

	// The program itself answers this, and not its app.
	async function ask() {
		clearTimeout(timer);
		if (over || asking || document.hidden) return;
		asking = true;
		try {
			const res = await fetch(location.pathname + location.search,
				{headers: {'Gwport-Program': meta.content}, cache: 'no-store', redirect: 'manual'});
			const runs = res.headers.get('Gwport-Program');
			if (runs && runs !== meta.content) changed();
		} catch {
			// It is being replaced, or has ended; it is asked again.
		} finally {
			asking = false;
		}
		if (!over && !document.hidden) timer = setTimeout(ask, 1000);
	}

	function changed() {
		over = true;
		if (isGet) location.reload();
		else live.textContent = 'The program has changed: send the request again.';
	}

	document.addEventListener('visibilitychange', ask);
	timer = setTimeout(ask, 1000);
})();
