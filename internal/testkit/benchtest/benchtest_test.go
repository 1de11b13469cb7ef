package benchtest

import (
	"os"
	"os/exec"
	"testing"
)

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

// The time of a process, and of its child that has ended, is counted.
func TestTreeTimeCountsChildren(t *testing.T) {
	t.Parallel()
	before, err := treeTime(os.Getpid())
	if err != nil {
		t.Skip("there is no /proc here")
	}
	spin := exec.CommandContext(t.Context(), "sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")
	if err := spin.Run(); err != nil {
		t.Fatal(err)
	}
	after, err := treeTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	child := spin.ProcessState.UserTime() + spin.ProcessState.SystemTime()
	if after-before < child-2*tick {
		t.Errorf("the tree used %v, and the child alone %v", after-before, child)
	}
}
