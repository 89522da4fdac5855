// What a bucket costs: the calculation of eval/money.py, which explains it. A test compares both.
const money = (() => {
  // Adds up an amount step by step, in TB times the price of a GB.
  function stepped(steps, terabytes) {
    let price = 0;
    let start = 0;
    for (const step of steps) {
      const end = step.up_to_tb === null ? terabytes : Math.min(terabytes, step.up_to_tb);
      price += Math.max(0, end - start) * step.gb_month;
      start = end;
    }
    return price;
  }

  function breakEven(unread, byReading) {
    const reads = byReading ? unread / -byReading : Infinity;
    if (reads <= 0 || !Number.isFinite(reads)) {
      return [Math.max(unread, byReading) > 0 ? "always" : "never", null];
    }
    return [unread > 0 ? "below" : "above", reads];
  }

  function total(costs) {
    return Object.values(costs).reduce((sum, part) => sum + part, 0);
  }

  function bucket(basis, assumed, hours) {
    const objects = assumed.terabytes * basis.tb_bytes / basis.uploaded;
    const place = basis.places[assumed.storage_class];
    const kept = assumed.originals_class ? basis.places[assumed.originals_class] : null;
    const work = (core, gpu) => (core * assumed.core_hour + gpu * assumed.gpu_hour) / 3600;
    const put = work(assumed.put_core_s, assumed.put_gpu_s);
    const get = work(assumed.get_core_s, assumed.get_gpu_s);
    const uploading = objects * assumed.uploads * place.prices.put_per_1000 / 1000;

    function storage(prices, each) {
      const priced = (steps, bytes) => stepped(steps, objects * bytes / basis.tb_bytes)
        * basis.tb_bytes / basis.gb_bytes;
      let price = priced(prices.storage, each.own_bytes);
      const other = prices.small || prices.beside;
      if (other) {
        price += priced(basis.places[other.billed_as].prices.storage, each.other_bytes);
      }
      return price + objects * each.monitored * prices.monitoring_per_1000 / 1000;
    }
    function requests(gets, opened) {
      const prices = place.prices;
      return objects * (gets * prices.get_per_1000 + opened * prices.retrieval_per_1000) / 1000;
    }
    function retrieval(times, size) {
      return objects * times * size / basis.gb_bytes * place.prices.retrieval_per_gb;
    }
    return {
      objects,
      now(reads) {
        return {
          storage: storage(place.prices, place.now),
          originals: 0,
          requests: uploading + requests(reads, reads),
          retrieval: retrieval(reads, basis.uploaded),
          compute: 0,
          standing: 0,
        };
      },
      then(reads) {
        const missed = reads * (1 - assumed.cache_hits);
        const keeping = kept ? storage(kept.prices, kept.now)
          + objects * assumed.uploads * kept.prices.put_per_1000 / 1000 : 0;
        return {
          storage: storage(place.prices, place.then),
          originals: keeping,
          requests: uploading + requests(reads + missed, missed),
          retrieval: retrieval(missed, basis.stored),
          compute: objects * (assumed.uploads * put + missed * get),
          standing: assumed.standing_cores * hours * assumed.core_hour,
        };
      },
      savedByReading() {
        const missed = 1 - assumed.cache_hits;
        return requests(1, 1) + retrieval(1, basis.uploaded) - requests(1 + missed, missed)
          - retrieval(missed, basis.stored) - objects * missed * get;
      },
      backfill() {
        const prices = place.prices;
        let each = prices.get_per_1000 + prices.retrieval_per_1000 + prices.put_per_1000;
        each += kept ? kept.prices.put_per_1000 : 0;
        return objects * (each / 1000 + put) + retrieval(1, basis.uploaded);
      },
    };
  }

  function calculate(basis, assumed, hours) {
    const held = bucket(basis, assumed, hours);
    const now = held.now(assumed.reads);
    const then = held.then(assumed.reads);
    const saved = total(now) - total(then);
    const unread = total(held.now(0)) - total(held.then(0));
    const [pays, at] = breakEven(unread, held.savedByReading());
    const backfill = held.backfill();
    const earned = saved + then.standing;
    return {
      now: {...now, total: total(now)},
      then: {...then, total: total(then)},
      now_per_tb: total(now) / assumed.terabytes,
      then_per_tb: total(then) / assumed.terabytes,
      terabytes: assumed.terabytes,
      saved, pays, break_even: at, backfill,
      payback_months: saved > 0 ? backfill / saved : null,
      smallest_tb: earned > 0 ? then.standing / earned * assumed.terabytes : null,
    };
  }

  // Reads the form; null while something in it is no number, or out of range.
  function read(form) {
    if (!form.checkValidity()) return null;
    const assumed = {};
    for (const field of form.elements) {
      if (!field.name) continue;
      assumed[field.name] = field.dataset.factor
        ? field.valueAsNumber / Number(field.dataset.factor) : field.value || null;
    }
    return assumed.terabytes > 0 ? assumed : null;
  }

  function words(result) {
    const {pays, break_even: at, payback_months: months, smallest_tb: least} = result;
    const never = pays === "always" ? "however often objects are read"
      : "not under these assumptions";
    return {
      pays: [at ?? pays, at === null ? never
        : `${pays} ${format.number(at, 1)} reads per object and month`],
      payback_months: [months ?? "never",
        months === null ? "never" : `${format.number(months, 1)} months`],
      smallest_tb: [least ?? "none", least === null ? "none" : `about ${format.number(least, 1)} TB`],
      terabytes: [result.terabytes, result.terabytes.toLocaleString("en-US")],
    };
  }

  function show(result, symbol) {
    const said = words(result);
    const largest = Math.max(result.now.total, result.then.total);
    for (const element of document.querySelectorAll("[data-money]")) {
      const name = element.dataset.money;
      const value = name.split(".").reduce((part, key) => part[key], result);
      const [exact, text] = said[name] ?? [value, format.amount(value, symbol, name.includes(".") ? largest : 0)];
      element.value = String(exact);
      element.textContent = text;
    }
  }

  function start() {
    const data = document.getElementById("money-data");
    const form = document.getElementById("money-form");
    if (!data || !form) return;
    const {basis, hours, symbol} = JSON.parse(data.textContent);
    form.addEventListener("input", () => {
      const assumed = read(form);
      if (assumed) show(calculate(basis, assumed, hours), symbol);
    });
    form.addEventListener("submit", event => event.preventDefault());
  }

  start();
  return {calculate};
})();
