package jobs

import "context"

// CheckRedis says what is wrong with a Redis: it cannot be reached, or it may drop
// tasks.
func CheckRedis(ctx context.Context, url string) error {
	q, err := openQueue(url, "", 1)
	if err != nil {
		return err
	}
	defer q.close()
	return q.check(ctx)
}
