#!/usr/bin/env escript
%% Drives Erlang/OTP's supervisor through crash schedules and prints what it did, one line a schedule.
%%
%%   escript crashSchedules.escript MODE FILE
%%
%% FILE holds one term a schedule (file:consult/1):
%%   {Strategy, Intensity, PeriodSeconds, [{Id, Restart}], [{GapMs, {FailingId, Starts} | none, Id, Reason}]}
%% MODE
%%   real: the installed supervisor as it is, and the gaps are waited for.
%%   fake: the installed supervisor, compiled anew from the abstract code in its own beam file with one change: its one
%%         look-up of the time, erlang:monotonic_time(1), reads a clock that the schedule sets. It is loaded under
%%         another name, so that the supervisors of the runtime itself keep theirs.
%%
%% A line: the initial starts, then every step, then the end, joined by "/"; +a: a started, ?a: a did not start, !a: it
%% ended by itself, -a: the supervisor ended it; "escalated" or "running" as the last word.
-module(crashSchedules).
-behaviour(supervisor).
-mode(compile).
-export([main/1, init/1, start_child/1]).

main([Mode, File]) ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    _ = ets:new(schedule, [named_table, public, ordered_set]),
    Module = case Mode of "real" -> supervisor; "fake" -> load_fake() end,
    {ok, Schedules} = file:consult(File),
    lists:foreach(fun(Schedule) -> io:format("~s~n", [run(Module, Mode, Schedule)]) end, Schedules).

run(Module, Mode, {Strategy, Intensity, Period, Children, Steps}) ->
    ets:delete_all_objects(schedule),
    ets:insert(schedule, {seq, 0}),
    ets:insert(schedule, {now_ms, 0}),
    Flags = #{strategy => Strategy, intensity => Intensity, period => Period},
    Specs = [#{id => Id, start => {?MODULE, start_child, [Id]}, restart => Restart, shutdown => 5000}
             || {Id, Restart} <- Children],
    {ok, Sup} = Module:start_link(?MODULE, {Flags, Specs}),
    First = take_log(),
    {State, Rest} = lists:mapfoldl(fun(Step, State) -> step(Module, Mode, Sup, Step, State) end, running, Steps),
    Last = case Rest of
        running ->
            exit(Sup, shutdown),
            receive {'EXIT', Sup, shutdown} -> ok end,
            take_log();
        escalated -> ""
    end,
    string:join([First | State] ++ [Last, atom_to_list(Rest)], "/").

step(_Module, _Mode, _Sup, _Step, escalated) -> {"", escalated};
step(Module, Mode, Sup, {GapMs, Failing, Id, Reason}, running) ->
    pass(Mode, GapMs),
    case Failing of none -> ok; {FailingId, Starts} -> ets:insert(schedule, {{failing, FailingId}, Starts}) end,
    Running = [Pid || {ChildId, Pid, _, _} <- Module:which_children(Sup), ChildId =:= Id, is_pid(Pid)],
    State = case Running of
        [] -> running;
        [Pid] -> Pid ! {stop, Reason}, settle(Module, Sup, Pid)
    end,
    {take_log(), State}.

pass(_, 0) -> ok;
pass("real", Ms) -> timer:sleep(Ms);
pass("fake", Ms) -> ets:update_counter(schedule, now_ms, Ms).

%% Until the supervisor has dealt with the end of Old: it knows that process no more, and restarts nothing.
settle(Module, Sup, Old) ->
    Pids = try [Pid || {_, Pid, _, _} <- Module:which_children(Sup)] catch exit:_ -> gone end,
    IsSettled = Pids =/= gone andalso not lists:member(Old, Pids) andalso not lists:member(restarting, Pids),
    if
        Pids =:= gone -> receive {'EXIT', Sup, shutdown} -> escalated end;
        IsSettled -> running;
        true -> erlang:yield(), settle(Module, Sup, Old)
    end.

init(Arguments) ->
    {Flags, Specs} = Arguments,
    {ok, {Flags, Specs}}.

start_child(Id) ->
    case ets:lookup(schedule, {failing, Id}) of
        [{_, Starts}] when Starts > 0 ->
            ets:insert(schedule, {{failing, Id}, Starts - 1}),
            log("?", Id),
            {error, not_now};
        _ ->
            Parent = self(),
            Pid = spawn_link(fun() -> process_flag(trap_exit, true), Parent ! {self(), up}, child(Parent, Id) end),
            receive {Pid, up} -> ok end,
            log("+", Id),
            {ok, Pid}
    end.

child(Parent, Id) ->
    receive
        {stop, Reason} -> log("!", Id), exit(Reason);
        {'EXIT', Parent, Reason} -> log("-", Id), exit(Reason)
    end.

%% At once, for all processes to see: messages of different processes have no order.
log(Sign, Id) ->
    ets:insert(schedule, {{log, ets:update_counter(schedule, seq, 1)}, Sign ++ atom_to_list(Id)}).

take_log() ->
    Entries = ets:match_object(schedule, {{log, '_'}, '_'}),
    ets:match_delete(schedule, {{log, '_'}, '_'}),
    string:join([Text || {_, Text} <- lists:sort(Entries)], " ").

load_fake() ->
    {ok, {supervisor, [{abstract_code, {_, Forms}}]}} = beam_lib:chunks(code:which(supervisor), [abstract_code]),
    {ok, Name, Beam} = compile:forms([rename(fake_clock(Form)) || Form <- Forms], [nowarn_unused_vars]),
    {module, Name} = code:load_binary(Name, "fake", Beam),
    Name.

%% floor(now_ms / 1000): what monotonic_time(1) gives is rounded down too.
fake_clock({call, Line, {remote, _, {atom, _, erlang}, {atom, _, monotonic_time}}, [{integer, _, 1}]}) ->
    Now = {call, Line, {remote, Line, {atom, Line, ets}, {atom, Line, lookup_element}},
           [{atom, Line, schedule}, {atom, Line, now_ms}, {integer, Line, 2}]},
    {op, Line, 'div', Now, {integer, Line, 1000}};
fake_clock(Form) when is_tuple(Form) -> list_to_tuple([fake_clock(Part) || Part <- tuple_to_list(Form)]);
fake_clock(Form) when is_list(Form) -> [fake_clock(Part) || Part <- Form];
fake_clock(Form) -> Form.

%% Wherever it names itself: as the module, and as the callback module of its gen_server.
rename({atom, Line, supervisor}) -> {atom, Line, supervisor_with_fake_clock};
rename({attribute, Line, module, supervisor}) -> {attribute, Line, module, supervisor_with_fake_clock};
rename(Form) when is_tuple(Form) -> list_to_tuple([rename(Part) || Part <- tuple_to_list(Form)]);
rename(Form) when is_list(Form) -> [rename(Part) || Part <- Form];
rename(Form) -> Form.
