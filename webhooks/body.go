package webhooks

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// smallBody is enough for a status event, of which there are many.
	smallBody = 4 << 10

	// largeBodies is how many larger ones may be on their way at once: senders
	// that are slow on purpose must not fill the memory.
	largeBodies = 64

	// cutOffAfter is how long the rest of a refused request may take. A client that has
	// already sent everything still gets its answer.
	cutOffAfter = 200 * time.Millisecond
)

// readBody reads the body of a request whose token was verified. The reply has a
// status if the body is refused.
func (h *handler) readBody(w http.ResponseWriter, r *http.Request, now time.Time) (body []byte, refused reply) {
	if r.ContentLength > maxBody {
		return nil, h.refuseTooLarge(r, now)
	}
	limited := http.MaxBytesReader(w, r.Body, maxBody)
	small := make([]byte, smallBody)
	n, err := io.ReadFull(limited, small)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return small[:n], reply{}
	}
	if err == nil {
		select {
		case h.large <- struct{}{}:
			defer func() { <-h.large }()
		default:
			h.raise(r.Context(), &h.delayed, now, errBusy)
			return nil, reply{status: http.StatusServiceUnavailable, result: Delayed}
		}
		body, err = io.ReadAll(io.MultiReader(bytes.NewReader(small), limited))
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, h.refuseTooLarge(r, now)
	}
	if err != nil {
		return nil, reply{status: http.StatusBadRequest, result: Bad}
	}
	return body, reply{}
}

var errTooLarge = errors.New("a webhook is larger than 64 KiB")

func (h *handler) refuseTooLarge(r *http.Request, now time.Time) reply {
	h.raise(r.Context(), &h.tooLarge, now, errTooLarge)
	return reply{status: http.StatusRequestEntityTooLarge, result: TooLarge}
}

// cutOff ends the connection after the answer. The server would otherwise read
// the rest of the body first, for as long as its sender likes.
func cutOff(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(cutOffAfter)) // not supported in tests
}
