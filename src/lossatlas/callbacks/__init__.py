"""Lightning callbacks for anybody's Trainer."""
