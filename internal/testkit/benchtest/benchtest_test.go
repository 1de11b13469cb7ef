package benchtest

import "testing"

func TestOnceGoesThroughTheLoopOnce(t *testing.T) {
	t.Parallel()
	times, cleaned := 0, false
	Once(t, func(b *testing.B) {
		b.Cleanup(func() { cleaned = true })
		for b.Loop() {
			times++
		}
		b.ReportMetric(1, "of-one")
	})
	if times != 1 || !cleaned {
		t.Errorf("the loop went %d times, cleaned up: %t", times, cleaned)
	}
}

func TestOnceSeesAFailure(t *testing.T) {
	t.Parallel()
	for name, bench := range map[string]func(*testing.B){
		"before the loop": func(b *testing.B) { b.Fatal("no") },
		"in the loop": func(b *testing.B) {
			for b.Loop() {
				b.Error("no")
			}
		},
		"in a part": func(b *testing.B) {
			b.Run("part", func(b *testing.B) {
				for b.Loop() {
					b.Fatal("no")
				}
			})
		},
	} {
		if once(bench) {
			t.Errorf("%s: a failure is not seen", name)
		}
	}
	if !once(func(b *testing.B) {
		for b.Loop() {
		}
	}) {
		t.Error("a benchmark that passes is said to fail")
	}
}
