%% One request with its reply, as whoever drives it sees it. A driver is an adapter for one kind of
%% client: gwport_handler and gwport_stream_h for Cowboy's, gwport_client for a caller without HTTP.
%% It knows its client and nothing of ports; an exchange is the only thing that it holds of us.
%%
%% The life of an exchange:
%%
%% 1. open/4 checks the request, chooses a port of the mount's pool and opens a stream there. It
%%    returns an exchange whatever comes of it: what becomes of a request is an event.
%% 2. The driver's process is sent {Tag, {gwport, _}}, and hands the second part to event/3; so it
%%    does what its client says, and what the clock does (timeout/2). What comes back is what the
%%    client is to be told (client_command()). A request that nobody takes is no other case: the
%%    event of its refusal stands in the mailbox when open/4 returns.
%% 3. The client is asked for its body by `read`, when the app wants some of it and the program's
%%    credit allows it to be sent. The response comes as `reply`, or as `head` and then `data`, a
%%    piece at a time: the next one when the event `taken` has said that the client has that.
%% 4. The last command is `done`, `fail`, `refuse` or `break`. With it the exchange has left its
%%    port, once, whichever way it ended. close/1 is for a client that goes before. A driver whose
%%    process ends, or is killed, need not call it: the port monitors that process.
%%
%% 5. The client command `takeover` in the place of `reply` or `head` means that the app wants the
%%    client's connection. The driver hands the exchange to whoever has that (offer/1, accept/1),
%%    for which `read` and `data` are then the bytes of the connection, and `shut` the end of what
%%    is sent. A stream of HTTP/2 that an app takes over stays with its driver: its head comes, and
%%    then there may be `shut` before the last command.
%%
%% The order and the times of all that are a pure machine, gwport_stream. In here is what it takes
%% to carry out its commands: the port, the stream's name there, and the watch that looks after a
%% process which is stuck with its client.
%%
%% A request for which no port has room waits here, in its own process (gwport_queue): it is an
%% exchange without a port, to which nobody has granted credit, and what it may wait is a timer of
%% its own. It waits at the beginning, or when a port that it was sent to has not taken it. The word
%% that there is room is an event like a port's. The times of the response begin when it is placed,
%% but the deadline does not: what is left of that goes to the program.
%%
%% A request whose port has died goes to another one, once, where it may, and as long as nothing has come
%% of a response. So it is not before that that an exchange forgets what it takes to turn to another port
%% (gwport_chance); the stream keeps what was sent of the body. A connection that is taken over is a
%% response that has begun.
%%
%% An app in Erlang (a mount's `run') has no port. The owner of its stream is gwport_run, which does
%% to an exchange what a port's owner does, for one request; there is no other to turn to.
%%
%% What is not there yet has its place. A port on another node is another handle: an event comes to
%% an alias, wherever from. Plug is one more driver.
%% @hidden
-module(gwport_exchange).

-export([open/4, open/5, refuse/2, fault/1, event/3, failed/4]).
-export([offer/1, accept/1, withdraw/1, close/1]).
-export([tag/1, timeout/2, needs_timer/1, guard/4, unguard/1]).

-export_type([exchange/0, offer/0, event/0, client_command/0]).

%% How long a file may take to be opened; then the program is told to send its bytes instead.
-define(OPEN_TIME, 1000).
%% What is so many milliseconds away may be told with a delay of a tenth of it.
-define(COARSE, 10000).
%% What an event may take, in milliseconds.
-define(MARGIN, 1000).

-record(exchange, {
    %% Of the messages that are its events.
    tag :: term(),
    stream :: gwport_stream:stream(),
    %% Where it is served, and its name there: not before a port has been chosen, nor behind the
    %% end.
    port = none :: gwport_handle:handle() | none,
    ref :: reference() | undefined,
    %% Of the mount's pool; and when the request came.
    count :: gwport_count:count(),
    began = 0 :: integer(),
    account = none :: gwport_account:account() | none,
    %% What it takes to turn to another port; not when something has come of a response.
    chance = none :: none | gwport_chance:chance(),
    %% While it waits: its place in the queue, and what stands in the word that its time is up.
    wait = none :: none | {gwport_queue:place(), Timer :: reference(), Word :: reference()},
    guard = none :: gwport_watch:guard() | none,
    %% A file of the program's that is part of the response, and when to give up opening it.
    file = none :: none | {gwport_file:opener(), Timer :: reference() | none},
    %% When the watch sends {Tag, {gwport, due}}, if nothing has come before.
    due = infinity :: integer() | infinity,
    %% Whether an event may come, or be in the mailbox, behind the end.
    is_late = false :: boolean()
}).
-opaque exchange() :: #exchange{}.
-type event() ::
    %% The second part of a message {Tag, {gwport, _}}.
    {gwport, term()}
    %% What the client sent, one piece or none for a `read`; and that it has taken the `data` that
    %% it was last handed, whole or as far as its file went, or takes none any more.
  | {client, nofin | fin, binary()}
  | taken
  | short
  | gone
  | stalled
    %% What timeout/2 named has passed; or some time, in which a client that is not read may have
    %% left.
  | timeout
  | tick.
-type client_command() :: gwport_stream:client_command().
%% An exchange on its way from one driver to another.
-opaque offer() :: {pid(), exchange()}.

%% For the calling process, to which the events come. One that has this exchange alone in its life
%% says `ref`: the tag is a reference then, see tag/1, and the port keeps nothing of the process
%% behind the end. Where somebody is to be told of the request, that process traps exits from now
%% on: what would end it comes as a message, for which it calls close/1.
-spec open(gwport_environ:request(), gwport_mount_options:mount(), Tag :: ref | term(),
    Now :: integer()) -> exchange().
open(Request, Mount, Tag, Now) ->
    open(Request, Mount, Tag, Now, never).

%% The same for a process that cannot wait with a timeout, and would set a timer for its next look
%% at this exchange: at Wake, or when timeout/2 says so. What is more than ten seconds away is told
%% to it, as {Tag, {gwport, due}}, within a second: see needs_timer/1. The driver takes that for its
%% own timer's word; it is no event.
-spec open(gwport_environ:request(), gwport_mount_options:mount(), Tag :: ref | term(),
    Now :: integer(), Wake :: integer() | never) -> exchange().
open(Request = #{<<"method">> := Method}, Mount = #{pool := Pool}, Tag, Now, Wake) ->
    Stream = gwport_stream:new(#{method => Method, body => gwport_request:body(Request),
        length => maps:get(<<"length">>, Request, undefined),
        files => is_map_key(<<"file">>, Request)}, Mount, Now),
    Due = due(wake(Mount, Wake), Now, Stream),
    Count = gwport_count:find(Pool),
    Account = account(gwport_account:is_wanted(Mount, Count), Request, Mount, Count, Tag),
    Exchange = #exchange{tag = Tag, stream = Stream, count = Count, began = Now,
        account = Account, due = Due},
    case checked(gwport_request:check(Request), Request, Mount) of
        ok -> opened(place(gwport_chance:new(Request, Mount), Now, Exchange), Exchange);
        {error, Reason} -> refused(Reason, tag(Tag, make_ref()), Stream, Count, Account)
    end.

opened({ok, Exchange = #exchange{tag = Tag, ref = Ref}}, _) ->
    Exchange#exchange{tag = tag(Tag, Ref)};
opened({error, Reason}, Exchange = #exchange{tag = Tag, stream = Stream, count = Count}) ->
    refused(Reason, tag(Tag, make_ref()), Stream, Count, Exchange#exchange.account).

%% Who is told of a request's beginning is to be told of its end: exits are trapped before that.
account(false, _, _, _, _) ->
    none;
account(true, Request, Mount, Count, Tag) ->
    _ = [process_flag(trap_exit, true) || Tag =:= ref],
    gwport_account:open(Request, Mount, Count).

%% The owner of an app in Erlang is no clock.
wake(#{run := _}, _) -> never;
wake(_, Wake) -> Wake.

due(never, _, _) ->
    infinity;
due(Wake, Now, Stream) ->
    case min(Wake - Now, gwport_stream:timeout(Now, Stream)) of
        Time when Time >= ?COARSE -> Now + Time;
        _ -> infinity
    end.

%% Whether the driver has to set a timer, if it has been told of nothing yet.
-spec needs_timer(exchange()) -> boolean().
needs_timer(#exchange{port = none, wait = none}) -> false;
needs_timer(#exchange{due = Due}) -> Due =:= infinity.

tag(ref, Ref) -> Ref;
tag(Tag, _) -> Tag.

%% What is in front of a message that is an event.
-spec tag(exchange()) -> term().
tag(#exchange{tag = Tag}) -> Tag.

%% One that is over before there is a request: the driver has the reason.
-spec refuse(gwport_status:reason(), Tag :: ref | term()) -> exchange().
refuse(Reason, Tag) ->
    refused(Reason, tag(Tag, make_ref()), gwport_stream:new(#{method => <<>>, body => none,
        length => 0, files => false},
        #{max_body => infinity, head_timeout => infinity, idle_timeout => infinity,
            deadline => infinity, min_body_rate => 0, body_grace => 1, replay => false,
            replay_body => 0}, 0),
        gwport_count:none(), none).

refused(Reason, Tag, Stream, Count, Account) ->
    self() ! {Tag, {gwport, {refused, Reason}}},
    #exchange{tag = Tag, stream = Stream, count = Count, account = Account, is_late = true}.

checked({error, _}, _, _) -> {error, bad_request};
checked(ok, Request, Mount) -> gwport_request:within(Request, Mount).

%% What was wrong with a request that has been refused as a bad one.
-spec fault(gwport_environ:request()) -> gwport_request:part().
fault(Request) ->
    {error, Part} = gwport_request:check(Request),
    Part.

%% At a port, or where those wait for whom there is none. An app in Erlang has an owner of its own for
%% each, which keeps no time.
-spec place(gwport_chance:chance(), Now :: integer(), exchange()) ->
    {ok, exchange()} | {error, gwport_status:reason()}.
place(Chance, Now, Exchange) ->
    case gwport_chance:app(Chance) of
        none -> choose(gwport_chance:choose(Chance), Chance, Now, Exchange);
        {ok, Mount, Request} -> run(Mount, Request, Exchange)
    end.

run(Mount, Request, Exchange = #exchange{tag = Tag}) ->
    Ref = erlang:alias(),
    Port = gwport_run:start(gwport_validate:app(Mount), Request, {Ref, tag(Tag, Ref)}),
    {ok, Exchange#exchange{ref = Ref, port = Port}}.

choose({ok, Port}, Chance, Now, Exchange) ->
    case gwport_chance:instead(Port, Chance) of
        none -> placed(at(Port, Chance, Now, Exchange), Port, Chance, Now, Exchange);
        {ok, Page} -> place(Page, Now, Exchange#exchange{due = infinity})
    end;
choose({wait, Why, Queue}, Chance, Now, Exchange) ->
    wait(Why, Queue, Chance, Now, Exchange);
choose(Error, _, _, _) ->
    Error.

%% One that is gone may still stand in the pool's table beside another.
placed({ok, Ref}, Port, Chance, _, Exchange) ->
    {ok, Exchange#exchange{port = Port, ref = Ref, chance = Chance}};
placed({error, not_entered}, Port, Chance, Now, Exchange) ->
    case place(gwport_chance:but(Port, Chance), Now, Exchange) of
        {error, Reason} when Reason =:= no_port; Reason =:= no_pool -> {error, not_entered};
        Result -> Result
    end;
placed(Error, _, _, _, _) ->
    Error.

at(Port, Chance, Now, Exchange = #exchange{tag = Tag, due = Due}) ->
    case encoded(Port, Chance, Now, Exchange) of
        {ok, Encoded} ->
            gwport_handle:open(Port, Encoded, Tag, Due, gwport_chance:peer(Chance));
        Error ->
            Error
    end.

encoded(Port, Chance, Now, #exchange{stream = Stream}) ->
    gwport_chance:encoded(Port, gwport_stream:deadline(Now, Stream), Chance).

%% Waiting

wait(Why, Queue, Chance, Now, Exchange = #exchange{tag = Tag}) ->
    Ref = erlang:alias(),
    Ticket = gwport_chance:ticket(Chance),
    Time = gwport_chance:until(Queue, Now, Chance) - Now,
    case Time > 0 andalso
            gwport_queue:join(Ticket, {Ref, tag(Tag, Ref)}, gwport_chance:peer(Chance), Queue) of
        {ok, Place} ->
            joined(Place, Ref, Time, Chance, Now, queued(waited, Ticket, Exchange));
        Not ->
            _ = erlang:unalias(Ref),
            _ = [gwport_count:queue(full, Exchange#exchange.count) || Not =:= full],
            {error, Why}
    end.

%% A port was full after all.
wait_again(Chance, Now, Exchange) ->
    case gwport_pool:queue(gwport_chance:pool(Chance)) of
        {ok, Queue} -> wait(busy, Queue, Chance, Now, Exchange);
        Error -> Error
    end.

%% One that waits again is counted once.
queued(Event, new, Exchange = #exchange{count = Count}) ->
    gwport_count:queue(Event, Count),
    Exchange;
queued(_, _, Exchange) ->
    Exchange.

joined(Place, Ref, Time, Chance, Now, Exchange = #exchange{tag = Tag, stream = Stream}) ->
    Word = make_ref(),
    Timer = erlang:send_after(min(Time, gwport_stream:deadline(Now, Stream)), self(),
        {tag(Tag, Ref), {gwport, {waited, Word}}}),
    Waiting = Exchange#exchange{port = none, ref = Ref, wait = {Place, Timer, Word}, is_late = true,
        stream = gwport_stream:waits(Now, Stream),
        chance = gwport_chance:waits(Place, Now + Time, Now, Chance)},
    looked(gwport_pool:look(gwport_chance:pool(Chance)), Waiting).

%% Where the row has gone it is known what becomes of it.
looked(ok, Exchange) ->
    {ok, Exchange};
looked(Error, Exchange = #exchange{wait = {Place, _, _}}) ->
    case gwport_queue:leave(Place) of
        ok -> _ = unwait(Exchange), Error;
        taken -> {ok, Exchange}
    end.

%% It hears no more of its place.
unwait(Exchange = #exchange{ref = Ref}) ->
    _ = erlang:unalias(Ref),
    waits_no_more(Exchange).

waits_no_more(Exchange = #exchange{wait = {_, Timer, _}}) ->
    _ = erlang:cancel_timer(Timer),
    Exchange#exchange{wait = none}.

%% An owner keeps a place for it.
room(Port, Now, Exchange = #exchange{chance = Chance}) ->
    Offered = waits_no_more(Exchange),
    case accept(Port, Now, Offered) of
        {ok, _} -> begins(Now, Offered#exchange{port = Port});
        {error, not_entered} -> placed_again(place(gwport_chance:but(Port, Chance), Now, Offered),
            {refused, draining}, Now, Offered, Chance);
        {error, Reason} -> declined(Reason, Port, Now, Offered)
    end.

%% It has a place, for which it may have waited.
begins(Now, Exchange = #exchange{stream = Stream}) ->
    react(gwport_stream:begins(Now, Stream), has_waited(Now, Exchange)).

has_waited(Now, Exchange = #exchange{count = Count, chance = Chance0}) ->
    {Time, Chance} = gwport_chance:has_waited(Now, Chance0),
    _ = [gwport_count:time(queue, Time, Count) || Time =/= none],
    Exchange#exchange{chance = Chance}.

accept(Port, Now, Exchange = #exchange{ref = Ref, tag = Tag, due = Due, chance = Chance}) ->
    case encoded(Port, Chance, Now, Exchange) of
        {ok, Encoded} ->
            gwport_handle:accept(Port, Ref, Encoded, Tag, Due, gwport_chance:peer(Chance));
        Error ->
            Error
    end.

declined(Reason, Port, Now, Exchange = #exchange{ref = Ref, chance = Chance}) ->
    gwport_handle:decline(Port, Ref),
    gwport_handle:leave(Port, Ref),
    given_up({refused, Reason}, Chance, Now, Exchange).

%% It turns to no other port.
given_up(Event, Chance, Now, Exchange) ->
    to_stream({port, gwport_chance:told(Event, Chance)}, Now, Exchange#exchange{chance = none}).

%% Its time is up, for a place or in all.
waited(Now, Exchange = #exchange{wait = {Place, _, _}, chance = Chance}) ->
    #exchange{stream = Stream, count = Count} = Exchange,
    _ = gwport_queue:leave(Place),
    Left = unwait(Exchange),
    case gwport_stream:deadline(Now, Stream) of
        Time when Time =< 0 ->
            to_stream(timeout, Now, Left#exchange{chance = none});
        _ ->
            gwport_count:queue(timeout, Count),
            Lack = gwport_pool:lack(gwport_chance:pool(Chance)),
            given_up({refused, Lack}, Chance, Now, Left)
    end.

%% What an event means to the client.
-spec event(event(), Now :: integer(), exchange()) -> {[client_command()], exchange()}.
event({gwport, {opened, Opener, _}}, _, Exchange = #exchange{file = File})
        when File =:= none; element(1, File) =/= Opener ->
    {[], Exchange};
event({gwport, {waited, Word}}, Now, Exchange = #exchange{wait = {_, _, Word}}) ->
    waited(Now, Exchange);
event({gwport, {waited, _}}, _, Exchange) ->
    {[], Exchange};
event({gwport, {room, Port}}, Now, Exchange = #exchange{wait = Wait}) when Wait =/= none ->
    room(Port, Now, Exchange);
event({gwport, Refused = {refused, _}}, Now, Exchange = #exchange{wait = Wait, chance = Chance})
        when Wait =/= none ->
    given_up(Refused, Chance, Now, unwait(Exchange));
%% Times of a response are postponed while there is nobody to give one.
event(timeout, Now, Exchange = #exchange{wait = Wait, stream = Stream}) when Wait =/= none ->
    case gwport_stream:deadline(Now, Stream) of
        Time when Time =< 0 -> to_stream(timeout, Now, Exchange);
        _ -> {[], Exchange#exchange{stream = gwport_stream:waits(Now, Stream)}}
    end;
event({gwport, Event}, Now, Exchange = #exchange{chance = Chance}) when Chance =/= none ->
    first(Event, Now, late(Now, Exchange), Chance);
event(Event, Now, Exchange) ->
    to_stream(of_port(Event), Now, late(Now, Exchange)).

to_stream(Event, Now, Exchange = #exchange{stream = Stream}) ->
    try react(gwport_stream:event(Event, Now, Stream), Exchange)
    catch
        Class:Reason:Stack -> failed(Class, Reason, Stack, Exchange)
    end.

%% What is heard of a port before it answers. That it has not taken the request, because it is full,
%% drains or is gone, is not heard where there is another port, or may be one, and what was sent of
%% the body is at hand; nor is, once, that it has died.
first(Event = {credit, _}, Now, Exchange, _) ->
    to_stream({port, Event}, Now, Exchange);
first(Event = {refused, busy}, Now, Exchange, Chance) ->
    again(sent, Event, Now, Exchange, Chance, fun wait_again/3);
%% Others have what is left.
first({refused, share}, Now, Exchange, Chance) ->
    given_up({refused, busy}, Chance, Now, Exchange);
first(Event = {refused, draining}, Now, Exchange, Chance) ->
    again(sent, Event, Now, Exchange, Chance, fun elsewhere/3);
first(Event = {port_down, false, Reason}, Now, Exchange, Chance)
        when Reason =:= drain; Reason =:= stopped ->
    again(sent, Event, Now, Exchange, Chance, fun elsewhere/3);
first(Event = {port_down, _, _}, Now, Exchange, Chance) ->
    case gwport_chance:may_replay(Chance) of
        true -> died(gwport_chance:died(Event, Chance), Event, Now, Exchange, Chance);
        false -> to_stream({port, Event}, Now, Exchange#exchange{chance = none})
    end;
first(Event, Now, Exchange, _) ->
    to_stream({port, Event}, Now, Exchange#exchange{chance = none}).

%% From the beginning, at a port that Place finds.
again(What, Event, Now, Exchange = #exchange{stream = Stream}, Chance, Place) ->
    case not gwport_chance:is_spent(Chance) andalso gwport_stream:again(What, Stream) of
        {ok, Again} ->
            Left = left_port(Exchange#exchange{stream = Again}),
            placed_again(Place(Chance, Now, Left), Event, Now, Left, Chance);
        _ ->
            given_up(Event, Chance, Now, Exchange)
    end.

placed_again({ok, Exchange = #exchange{wait = none}}, _, Now, _, _) ->
    begins(Now, Exchange);
placed_again({ok, Exchange}, _, _, _, _) ->
    {[], Exchange};
placed_again({error, _}, Event, Now, Exchange, Chance) ->
    given_up(Event, Chance, Now, Exchange).

elsewhere(Chance, Now, Exchange = #exchange{port = Port}) ->
    place(gwport_chance:but(Port, Chance), Now, Exchange).

%% Nothing of a port that is left may be taken for a word of the next: a client whose owner says
%% that it ends may hear it from its watch as well. Events of this process come under one tag.
left_port(Exchange = #exchange{port = none}) ->
    Exchange;
left_port(Exchange = #exchange{port = Port, ref = Ref}) ->
    gwport_handle:leave(Port, Ref),
    without_words(Exchange).

without_words(Exchange = #exchange{tag = Tag}) ->
    receive
        {Tag, {gwport, {port_down, _, _}}} -> without_words(Exchange)
    after 0 -> Exchange
    end.

died({again, What, Died}, Event, Now, Exchange, _) ->
    again(What, Event, Now, Exchange, Died, fun replay/3);
died(no, Event, Now, Exchange, Chance) ->
    given_up(Event, Chance, Now, Exchange);
died(twice, {port_down, _, Reason}, Now, Exchange, _) ->
    to_stream({port, {port_down, true, Reason}}, Now, Exchange#exchange{chance = none}).

replay(Chance, Now, Exchange = #exchange{count = Count}) ->
    gwport_count:replay(Count),
    elsewhere(Chance, Now, Exchange).

%% The watch may have spoken, or be about to.
late(Now, Exchange = #exchange{due = Due}) when Now + ?MARGIN >= Due ->
    Exchange#exchange{due = infinity, is_late = true};
late(_, Exchange) ->
    Exchange.

of_port({gwport, {opened, _, Result}}) -> {opened, Result};
of_port({gwport, Event}) -> {port, Event};
of_port(Event) -> Event.

%% A driver that has failed with an event, and has the exchange as it was before: its client is told
%% so, and the log where, but not with what.
-spec failed(error | exit | throw, term(), Stack :: list(), exchange()) ->
    {[client_command()], exchange()}.
failed(Class, Reason, Stack, Exchange = #exchange{stream = Stream}) ->
    gwport_failure:report("a request", Class, Reason, Stack),
    react(gwport_stream:event(failed, 0, Stream), Exchange).

react({Commands, Stream}, Exchange) ->
    carry_out(Commands, Exchange#exchange{stream = Stream}).

%% What is the port's is done, and what is the client's is left.
carry_out([], Exchange) ->
    {[], Exchange};
carry_out([{send, Kind, Data} | Rest], Exchange = #exchange{port = Port, ref = Ref}) ->
    gwport_count:bytes(in, iolist_size(Data), Exchange#exchange.count),
    gwport_handle:send(Port, Ref, Kind, Data),
    carry_out(Rest, Exchange);
carry_out([{consumed, Bytes} | Rest], Exchange = #exchange{port = Port, ref = Ref}) ->
    gwport_handle:consumed(Port, Ref, Bytes),
    carry_out(Rest, Exchange);
carry_out([{open, Spec} | Rest], Exchange) ->
    {Commands, Opening} = open_file(Spec, Exchange),
    carry_out(Rest ++ Commands, Opening);
carry_out([{taken, Bytes} | Rest], Exchange = #exchange{port = Port, ref = Ref}) ->
    gwport_handle:taken(Port, Ref, Bytes),
    carry_out(Rest, close_file(Exchange));
carry_out([{abort, Code, Text} | Rest], Exchange) ->
    carry_out(Rest, abort(Code, Text, Exchange));
carry_out([Last], Exchange) when Last =:= done; element(1, Last) =:= fail;
        element(1, Last) =:= refuse; element(1, Last) =:= break ->
    ended(Last, Exchange),
    {[Last], leave(closed_account(Last, Exchange))};
carry_out([Command | Rest], Exchange0) ->
    answered(Command, Exchange0),
    {Commands, Exchange} = carry_out(Rest, kept(Command, Exchange0)),
    {[Command | Commands], Exchange}.

kept(_, Exchange = #exchange{account = none}) ->
    Exchange;
kept(Command, Exchange = #exchange{account = Account}) ->
    Exchange#exchange{account = gwport_account:told(Command, Account)}.

closed_account(_, Exchange = #exchange{account = none}) ->
    Exchange;
closed_account(Last, Exchange = #exchange{account = Account}) ->
    gwport_account:over(Last, Account),
    Exchange#exchange{account = none}.

%% A request is counted by its response's status when the head goes out, and by the reason when it
%% fails.
answered({reply, #{code := Status}, Body}, Exchange = #exchange{count = Count}) ->
    head(Status, Exchange),
    gwport_count:bytes(out, iolist_size(Body), Count);
answered({head, #{code := Status}}, Exchange) ->
    head(Status, Exchange);
answered({data, _, {file, _, _, Bytes}}, #exchange{count = Count}) ->
    gwport_count:bytes(out, Bytes, Count);
answered({data, _, Data}, #exchange{count = Count}) ->
    gwport_count:bytes(out, iolist_size(Data), Count);
%% What the app answers then is its own: most often 101.
answered(takeover, #exchange{count = Count}) ->
    gwport_count:takeover(Count);
answered(_, _) ->
    ok.

head(Status, #exchange{count = Count, began = Began}) ->
    gwport_count:response(Status, Count),
    gwport_count:time(head, max(0, erlang:monotonic_time(millisecond) - Began), Count).

ended(done, _) ->
    ok;
ended({break, Reason}, #exchange{count = Count}) ->
    gwport_count:failure(Reason, Count);
ended({_, Reason}, #exchange{count = Count}) ->
    gwport_count:response(gwport_status:status(Reason), Count),
    gwport_count:failure(Reason, Count).

%% The program's descriptor has a name in the file system of its process.
open_file(Spec, Exchange = #exchange{port = Port, ref = Ref, tag = Tag}) ->
    Tell = fun(Opener, Result) -> gwport_watch:tell({Ref, Tag}, {opened, Opener, Result}) end,
    case gwport_file:open(gwport_handle:files(Port), Spec, Tell) of
        {open, Opener, File} ->
            is_open(File, Exchange#exchange{file = {Opener, none}});
        {asked, Opener} ->
            Timer = erlang:send_after(?OPEN_TIME, self(),
                {Tag, {gwport, {opened, Opener, {error, slow}}}}),
            {[], Exchange#exchange{file = {Opener, Timer}, is_late = true}}
    end.

is_open(File, Exchange = #exchange{stream = Stream0}) ->
    {Commands, Stream} = gwport_stream:event({opened, {ok, File}},
        erlang:monotonic_time(millisecond), Stream0),
    {Commands, Exchange#exchange{stream = Stream}}.

close_file(Exchange) ->
    end_file(fun gwport_file:close/1, Exchange).

drop_file(Exchange) ->
    end_file(fun gwport_file:drop/1, Exchange).

end_file(_, Exchange = #exchange{file = none}) ->
    Exchange;
end_file(End, Exchange = #exchange{file = {Opener, Timer}}) ->
    _ = [erlang:cancel_timer(Timer) || Timer =/= none],
    ok = End(Opener),
    Exchange#exchange{file = none}.

abort(_, _, Exchange = #exchange{port = none}) ->
    Exchange;
abort(Code, Text, Exchange = #exchange{port = Port, ref = Ref}) ->
    gwport_handle:abort(Port, Ref, {Code, Text}),
    Exchange#exchange{is_late = true}.

%% An exchange that was taken over goes to another process, or to another driver in this one. No
%% event comes to the old one any more.
-spec offer(exchange()) -> offer().
offer(Exchange) ->
    {self(), Exchange}.

%% The calling process is the client from now on. `gone`: the exchange is over.
-spec accept(offer()) -> {ok, exchange()} | gone.
accept({_, #exchange{port = none}}) ->
    gone;
accept({Pid, Exchange = #exchange{port = Port, ref = Ref}}) ->
    case gwport_handle:claim(Port, {Pid, Ref}) of
        {ok, New} -> {ok, claimed(New, Exchange)};
        {gone, Event} ->
            _ = to_stream({port, Event}, 0, Exchange#exchange{is_late = true}),
            gone
    end.

claimed(New, Exchange) ->
    Exchange#exchange{ref = New, tag = New, due = infinity}.

%% The client has gone and who made the offer does not know whether it was accepted: if it was not,
%% this is the end. Of one that was, another sees to the end.
-spec withdraw(offer()) -> ok.
withdraw({_, #exchange{port = none}}) ->
    ok;
withdraw({Pid, Exchange = #exchange{port = Port, ref = Ref}}) ->
    case gwport_handle:claim(Port, {Pid, Ref}) of
        {ok, New} -> close(claimed(New, Exchange));
        {gone, _} -> ok
    end.

%% The client has gone: the app is told, if the exchange is not over.
-spec close(exchange()) -> ok.
close(Exchange) ->
    _ = leave(gone(closed_account({break, client_gone}, Exchange))),
    ok.

gone(Exchange = #exchange{port = none, wait = none}) ->
    Exchange;
gone(Exchange = #exchange{count = Count}) ->
    gwport_count:failure(client_gone, Count),
    abort(cancelled, <<>>, Exchange).

leave(Exchange = #exchange{wait = {Place, _, _}}) ->
    _ = gwport_queue:leave(Place),
    left(unwait(Exchange));
leave(Exchange = #exchange{port = none}) ->
    left(Exchange);
leave(Exchange = #exchange{port = Port, ref = Ref, guard = Guard}) ->
    gwport_handle:leave(Port, Ref),
    _ = gwport_watch:unguard(Guard),
    left(drop_file(Exchange#exchange{port = none, guard = none})).

%% No event is left to a process that goes on, and may not know what it means.
left(Exchange = #exchange{is_late = false}) ->
    Exchange;
left(Exchange = #exchange{tag = Tag, ref = Ref}) ->
    receive
        {Tag, {gwport, {room, Port}}} ->
            gwport_handle:decline(Port, Ref),
            left(Exchange);
        {Tag, {gwport, _}} ->
            left(Exchange)
    after 0 ->
        Exchange#exchange{is_late = false}
    end.

%% Milliseconds until the event `timeout` is due.
-spec timeout(Now :: integer(), exchange()) -> timeout().
timeout(Now, #exchange{stream = Stream}) ->
    gwport_stream:timeout(Now, Stream).

%% The calling process is about to send data to its client, which may last, and will hear of no time
%% that is up meanwhile: the port's watch looks after that until unguard/1. With `kill` it ends the
%% process if need be. It may not last longer than Most in any case.
-spec guard(keep | kill, Most :: timeout(), Now :: integer(), exchange()) -> exchange().
guard(Fate, Most, Now, Exchange = #exchange{port = Port, ref = Ref, stream = Stream}) ->
    {Time, Code} = min(gwport_stream:due(Now, Stream), {Most, cancelled}),
    Exchange#exchange{guard =
        gwport_watch:guard(Time, Code, Fate, Ref, gwport_handle:watch(Port))}.

%% Whether it was in time.
-spec unguard(exchange()) -> {boolean(), exchange()}.
unguard(Exchange = #exchange{guard = Guard}) ->
    {gwport_watch:unguard(Guard), Exchange#exchange{guard = none}}.
