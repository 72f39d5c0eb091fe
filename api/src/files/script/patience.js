// Requests that a service may answer with "not now" (RFC 9110 sections 10.2.3 and 15.6.4): that is no answer, so it is asked
// again when it says.
const Patience = {
  // How often, and the seconds in between where the service names none, and at most.
  TRIES: 30,
  PAUSE: 1,
  LONGEST: 30,

  sleep: seconds => new Promise(resolve => setTimeout(resolve, 1000 * seconds)),

  // Seconds until the next try.
  pause(response) {
    const named = Number(response?.headers.get("Retry-After") ?? NaN);
    return named > 0 ? Math.min(named, Patience.LONGEST) : Patience.PAUSE;
  },

  // As `fetch`. `waits` learns why it takes longer.
  async fetch(path, options = {}, waits = () => {}) {
    for (let tries = 1; ; tries += 1) {
      const response = await fetch(path, { cache: "no-store", ...options }).catch(error => {
        if (tries >= Patience.TRIES) throw error;
        return null;
      });
      const isAnswer = response && ![408, 425, 429, 503].includes(response.status);
      if (isAnswer || response && tries >= Patience.TRIES) return response;
      waits(response ? (await response.text()).trim() : "The service cannot be reached.");
      await Patience.sleep(Patience.pause(response));
    }
  },
};
