"""A project in memory, and its page."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from al_ray.labelling.answers.log import Said, check, consensus, said_now
from al_ray.labelling.desk import Item, Progress, Suggestion
from al_ray.tasks import TASKS

TOKEN = "a-token-of-22-letters-"

LABELS = ("정치", "경제", "사회", "생활문화", "세계", "IT과학", "스포츠")

TEXTS = (
    "국회 예산결산특별위원회가 내년도 예산안 심사를 시작했다",
    "코스피가 외국인 매수세에 힘입어 사흘째 상승 마감했다",
    "서울 지하철 2호선이 신호 장애로 30분가량 멈춰 섰다",
    "가을 단풍이 절정을 맞은 주말, 설악산에 나들이객이 몰렸다",
    "유럽연합 정상들이 기후 대응 기금을 늘리기로 뜻을 모았다",
    "국내 연구진이 전력을 절반만 쓰는 반도체 소자를 개발했다",
    "대표팀이 연장 승부 끝에 결승에 올랐다",
)


class SmallDesk:
    """Batches of rows in their order; the next comes when each has been spoken of, or by `learn`.

    Args:
        texts: of the rows, whose ids are r0, r1 and so on.
        size: of a batch.
        by_itself: whether the next batch comes at once.
        task: what answers are.
    """

    def __init__(
        self,
        texts: Sequence[str] | None = None,
        labels: Sequence[str] = LABELS,
        size: int = 20,
        by_itself: bool = True,
        task: str = "classification",
    ) -> None:
        texts = [f"{i}. {TEXTS[i % 7]}" for i in range(60)] if texts is None else texts
        self.rows = {f"r{i}": text for i, text in enumerate(texts)}
        self.labels, self.size, self.by_itself = labels, size, by_itself
        self.task = task
        self.title = "뉴스 주제 분류"
        self.guideline = (
            "# 뉴스 주제 분류\n\n- 제목만 보고 고릅니다.\n- 둘 이상에 걸치면 더 큰 주제를 고릅니다."
        )
        self.events: list[Said] = []
        self.failure: Exception | None = None
        self.error = ""
        self.batch = 1
        self._lock = threading.RLock()

    def learn(self) -> None:
        """The next batch."""
        with self._lock:
            self.batch += 1

    def now(self) -> dict[str, dict[str, Said]]:
        with self._lock:
            return said_now(sorted(self.events, key=lambda said: said.time))

    def answers(self, annotator: str) -> dict[str, str]:
        """What an annotator says now, a skip as ''."""
        return {row: by[annotator].answer for row, by in self.now().items() if annotator in by}

    def _asked(self) -> list[str]:
        return list(self.rows)[(self.batch - 1) * self.size : self.batch * self.size]

    def progress(self, annotator: str) -> Progress:
        with self._lock:
            word, asked = self.now(), self._asked()
            left = [row for row in asked if annotator not in word.get(row, {})]
            over = not left and bool(asked)
            return Progress(
                batch=self.batch,
                size=len(asked),
                said=sum(row in word for row in asked),
                left=len(left),
                own=sum(annotator in by for by in word.values()),
                labelled=len(consensus(word)),
                learning=over and not self.error and self.batch * self.size < len(self.rows),
                done=not left and self.batch * self.size >= len(self.rows),
                error=self.error,
            )

    def items(self, annotator: str, n: int) -> list[Item]:
        with self._lock:
            word = self.now()
            left = [row for row in self._asked() if annotator not in word.get(row, {})]
            return self._items(left[:n])

    def item(self, row_id: str) -> Item | None:
        return Item(row_id, self.rows[row_id]) if row_id in self.rows else None

    def said(self, annotator: str, n: int) -> list[Said]:
        own = [by[annotator] for by in self.now().values() if annotator in by]
        return sorted(own, key=lambda said: said.time, reverse=True)[:n]

    def say(self, event: Said) -> bool:
        with self._lock:
            if self.failure is not None:
                raise self.failure
            asked = dict(list(self.rows.items())[: self.batch * self.size])
            check([event], asked, self.labels, TASKS[self.task])
            if any(event.annotation == said.annotation for said in self.events):
                return False
            self.events.append(event)
            word = self.now()
            if self.by_itself and all(row in word for row in self._asked()):
                self.batch += 1
            return True

    def suggestion(self, row_id: str) -> Suggestion | None:
        if row_id not in self.rows or row_id == "r1":
            return None
        answer = f"0-2:{self.labels[0]}" if self.task == "tagging" else self.labels[0]
        return Suggestion(answer, 0.87)

    def found(self, query: str, n: int) -> list[Item]:
        return self._items([row for row in self._asked() if query in self.rows[row]][:n])

    def _items(self, rows: Iterable[str]) -> list[Item]:
        return [Item(row, self.rows[row]) for row in rows]
